//! Event files of real runs and of a small writer, whole, in pieces, damaged and cut.

use proptest::prelude::*;

use super::*;

const LIGHTNING: &[u8] = include_bytes!("../../../tests/data/events.out.tfevents.lightning");
const TORCH: &[u8] = include_bytes!("../../../tests/data/events.out.tfevents.torch");

/// All scalars of the pieces, one after the other, as `tag@step=text`.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut events = Events::default();
    let mut found = Vec::new();
    for piece in pieces {
        events.push(piece, &mut |s| found.push(format!("{}@{}={}", s.tag, s.step, s.text)));
    }
    found
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let parts = [&length[..], &crc32c::masked(&length).to_le_bytes(), data];
    [parts.concat(), crc32c::masked(data).to_le_bytes().to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field of bytes.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A record with one value; `value` is what stands behind its tag.
fn event(step: i64, tag: &str, value: &[u8]) -> Vec<u8> {
    let time = [vec![0x09], 1_700_000_000.5_f64.to_le_bytes().to_vec()].concat();
    let step = [vec![0x10], varint(step.cast_unsigned())].concat();
    let value = [field(1, tag.as_bytes()), value.to_vec()].concat();
    record(&[time, step, field(5, &field(1, &value))].concat())
}

fn simple(value: f32) -> Vec<u8> {
    [vec![0x15], value.to_le_bytes().to_vec()].concat()
}

/// `kind`: DT_FLOAT is 1, DT_DOUBLE is 2, DT_STRING is 7.
fn tensor(kind: u8, sizes: &[u8], content: &[u8]) -> Vec<u8> {
    let dimension = |size: &u8| field(2, &[0x08, *size]);
    let shape: Vec<u8> = sizes.iter().flat_map(dimension).collect();
    field(8, &[vec![0x08, kind], field(2, &shape), content.to_vec()].concat())
}

#[test]
fn a_file_of_lightning_is_read() {
    let found = read([LIGHTNING]);
    let of = |tag: &str| found.iter().filter(|s| s.starts_with(&format!("{tag}@"))).count();
    assert_eq!(
        (of("train_loss"), of("train_acc_step"), of("val_loss"), of("epoch")),
        (24, 24, 3, 30)
    );
    assert_eq!(found.len(), 87, "{found:?}");
    assert_eq!(found[..2], ["train_loss@4=0.7366523", "train_acc_step@4=0.46875"]);
}

#[test]
fn a_file_of_torch_is_read() {
    let expected = ["0=0.6023106", "40=3.6104143", "80=3.6588092", "120=3.6594305", "160=3.659439"];
    assert_eq!(read([TORCH]), expected.map(|value| format!("norms@{value}")));
}

#[test]
fn values_are_found_in_all_their_forms() {
    let float = 0.95_f32.to_le_bytes();
    let double = 0.95_f64.to_le_bytes();
    for (value, expected) in [
        (simple(0.95), "x@7=0.95"),
        (simple(f32::NAN), "x@7=NaN"),
        (simple(f32::NEG_INFINITY), "x@7=-inf"),
        (simple(1e-5), "x@7=1e-5"),
        (simple(3e9), "x@7=3e9"),
        (tensor(1, &[], &field(4, &float)), "x@7=0.95"),
        (tensor(1, &[], &field(5, &float)), "x@7=0.95"),
        (tensor(1, &[], &[vec![0x2d], float.to_vec()].concat()), "x@7=0.95"),
        (tensor(1, &[1], &field(5, &float)), "x@7=0.95"),
        (tensor(2, &[], &field(4, &double)), "x@7=0.95"),
        (tensor(2, &[], &field(6, &double)), "x@7=0.95"),
        (tensor(2, &[], &[vec![0x31], double.to_vec()].concat()), "x@7=0.95"),
        // A histogram, a text, an empty one, a picture.
        (tensor(2, &[1, 3], &field(4, &[double, double, double].concat())), ""),
        (tensor(7, &[], &field(8, b"hello")), ""),
        (tensor(1, &[], &[]), ""),
        (tensor(1, &[], &field(5, &[1, 2, 3])), ""),
        (field(4, b"png"), ""),
    ] {
        assert_eq!(read([&event(7, "x", &value)[..]]).join(" "), expected, "{value:?}");
    }
}

#[test]
fn an_accuracy_that_was_logged_as_a_float_reaches_its_goal() {
    let mut values = Vec::new();
    Events::default().push(&event(1, "acc", &simple(0.95)), &mut |s| values.push(s.value));
    assert_eq!(values, [0.95]);
}

#[test]
fn steps_may_be_negative_and_tags_must_be_text() {
    assert_eq!(read([&event(-1, "x", &simple(1.0))[..]]), ["x@-1=1"]);
    assert!(read([&event(1, "", &simple(1.0))[..]]).is_empty());
    assert!(read([&event(1, &"x".repeat(300), &simple(1.0))[..]]).is_empty());
}

#[test]
fn a_record_knows_its_number_length_and_time() {
    let file = [event(1, "x", &simple(1.0)), event(2, "x", &simple(2.0))].concat();
    let length = file.len() / 2;
    let time = Timestamp::from_nanos(1_700_000_000_500_000_000);
    assert_eq!(first_piece(&file), Some((length, Some(time))));
    assert_eq!(first_piece(&file[..length - 1]), None);
    assert_eq!(first_piece(&file[1..]), Some((length - 1, None)));
    assert_eq!(first_piece(&file[1..length + 1]), Some((length - 11, None)));
    let mut events = Events::default();
    let mut numbers = Vec::new();
    events.push(&file, &mut |scalar| numbers.push(scalar.record));
    assert_eq!((numbers, events.count()), (vec![1, 2], 2));
}

#[test]
fn a_broken_record_is_passed_over() {
    let (one, two) = (event(1, "x", &simple(1.0)), event(2, "x", &simple(2.0)));
    for damaged in 0..one.len() {
        let mut first = one.clone();
        first[damaged] ^= 0x40;
        assert_eq!(read([&first[..], &two]), ["x@2=2"], "byte {damaged}");
    }
}

#[test]
fn a_record_that_is_too_long_is_passed_over_and_not_kept() {
    let length = (64_u64 << 20).to_le_bytes();
    let mut events = Events::default();
    let mut found = 0;
    events
        .push(&[&length[..], &crc32c::masked(&length).to_le_bytes()].concat(), &mut |_| found += 1);
    for _ in 0..64 {
        events.push(&vec![b'x'; 1 << 20], &mut |_| found += 1);
    }
    events.push(b"crc.", &mut |_| found += 1);
    assert_eq!(found, 0);
    events.push(&event(1, "x", &simple(1.0)), &mut |_| found += 1);
    assert_eq!(found, 1);
}

#[test]
fn after_a_gap_the_next_whole_record_is_read() {
    let file = [event(1, "x", &simple(1.0)), event(2, "x", &simple(2.0))].concat();
    let mut events = Events::default();
    let mut steps = Vec::new();
    let mut push = |events: &mut Events, bytes: &[u8]| {
        events.push(bytes, &mut |scalar| steps.push(scalar.step));
    };
    push(&mut events, &file[..20]);
    events.gap();
    push(&mut events, &file[30..]);
    assert_eq!(steps, [2]);
}

#[test]
fn event_files_are_known_by_their_name() {
    for (name, is) in [
        ("runs/a/events.out.tfevents.1795403064.vm.9309.0", true),
        ("events.out.tfevents.1.vm.v2", true),
        ("tfevents/train.log", false),
        ("train.log", false),
        ("", false),
    ] {
        assert_eq!(is_event_file(name), is, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_any_damage_gives_the_same_scalars(
        damage in prop::collection::vec((0..LIGHTNING.len(), any::<u8>()), 0..4),
        start in 0..200_usize,
        cuts in prop::collection::vec(1..600_usize, 1..40),
    ) {
        let mut file = LIGHTNING.to_vec();
        for (at, byte) in damage {
            file[at] = byte;
        }
        let file = &file[start..];
        let mut pieces = Vec::new();
        let mut rest = file;
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(read(pieces), read([file]));
    }

    #[test]
    fn any_record_is_taken(data in prop::collection::vec(any::<u8>(), 0..200)) {
        read([&record(&data)[..]]);
        read([&data[..]]);
    }

    #[test]
    fn any_change_of_an_event_is_taken(
        changes in prop::collection::vec((12..60_usize, any::<u8>()), 1..6),
    ) {
        let mut file = event(7, "x", &tensor(2, &[1], &field(6, &0.5_f64.to_le_bytes())));
        let end = file.len() - 4;
        for (at, byte) in changes {
            file[at.min(end - 1)] = byte;
        }
        read([&record(&file[12..end])[..]]);
    }
}
