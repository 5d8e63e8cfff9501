//! Which lines have a time, and which only look so.

use super::*;
use proptest::prelude::*;

/// The time as text: with `Z` where it is exact, `?` where it is local, and what there is else.
fn shown(line: &str) -> Option<String> {
    Some(match find_log_time(line.as_bytes())? {
        LogTime::Exact(at) => at.to_string(),
        LogTime::Local(at) => at.to_string().replace('Z', "?"),
        LogTime::Yearless(at) => at.strftime("%m-%d %H:%M:%S%.f").to_string(),
        LogTime::TimeOfDay(at) => at.strftime("%H:%M:%S%.f").to_string(),
    })
}

#[test]
fn times_are_found_in_the_beginning_of_lines() {
    for (line, time) in [
        ("2026-11-23T02:37:28Z loss=1", "2026-11-23T02:37:28Z"),
        ("2026-11-23T02:37:28.880123Z x", "2026-11-23T02:37:28.880123Z"),
        ("2026-11-23T02:37:28+09:00 x", "2026-11-22T17:37:28Z"),
        ("2026-11-23 02:37:28 -0800 x", "2026-11-23T10:37:28Z"),
        ("2026-11-23 02:37:28 UTC x", "2026-11-23T02:37:28Z"),
        ("2026-11-23 02:37:28,880 - INFO - x", "2026-11-23T02:37:28.88?"),
        ("2026-11-23 02:37:28", "2026-11-23T02:37:28?"),
        ("2026-11-23 03:18:00.607 | INFO     | __main__:main:26 - x", "2026-11-23T03:18:00.607?"),
        ("2026/11/23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("[2026-11-23 02:39:54,871][train][INFO] - epoch=1", "2026-11-23T02:39:54.871?"),
        ("[I 2026-11-23 03:38:11,569] A new study", "2026-11-23T03:38:11.569?"),
        ("[INFO|trainer.py:123] 2026-11-23 02:37:28,880 >> x", "2026-11-23T02:37:28.88?"),
        ("[rank0]: 2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("[rank0]:[W1123 02:39:54.123456789 ProcessGroup", "11-23 02:39:54.123456789"),
        ("(RayTrainWorker pid=3112) 2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("worker_3 | 2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("INFO:root:2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("WARNING 2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("0: 2026-11-23 02:37:28 x", "2026-11-23T02:37:28?"),
        ("time=\"2026-11-23T02:37:28Z\" level=info", "2026-11-23T02:37:28Z"),
        ("ts=2026-11-23T02:37:28Z level=info", "2026-11-23T02:37:28Z"),
        ("11/23/2026 03:24:25 - INFO - __main__", "2026-11-23T03:24:25?"),
        ("11/23 03:17:27 - mmengine - INFO", "11-23 03:17:27"),
        ("I1123 02:47:15.623306 140438737601216 x.py:8] y", "11-23 02:47:15.623306"),
        ("I0000 00:00:1795403248.923981    9667 port.cc", "2026-11-23T03:07:28.923981Z"),
        ("Nov 23 02:37:28 host x", "11-23 02:37:28"),
        ("Nov  3 02:37:28 host x", "11-03 02:37:28"),
        ("Feb 13 02:37:28 host x", "02-13 02:37:28"),
        ("[03:20:54] INFO     step 0", "03:20:54"),
        ("02:37:28.5 x", "02:37:28.5"),
        (
            "\x1b[32m2026-11-23 03:18:00.607\x1b[0m | \x1b[1mINFO \x1b[0m | x",
            "2026-11-23T03:18:00.607?",
        ),
        ("\x1b[32m[I 2026-11-23 03:38:11,569]\x1b[0m Trial 1", "2026-11-23T03:38:11.569?"),
        ("\x1b[2;36m[03:20:54]\x1b[0m\x1b[2;36m \x1b[0mINFO", "03:20:54"),
        ("2026-06-30 23:59:60 leap", "2026-06-30T23:59:59?"),
        ("{\"ts\": 1795403248.5, \"loss\": 1}", "2026-11-23T03:07:28.5Z"),
        ("{\"loss\": 1, \"timestamp\":\"2026-11-23T03:07:28.5Z\"}", "2026-11-23T03:07:28.5Z"),
        ("{\"msg\": \"a \\\"time\\\": 1\", \"time\": 1795403248500}", "2026-11-23T03:07:28.5Z"),
    ] {
        assert_eq!(shown(line).as_deref(), Some(time), "{line}");
    }
}

#[test]
fn what_only_looks_like_a_time_is_left_alone() {
    for line in [
        "",
        "loss=1.5",
        "checkpoint of 2025-01-01 00:00:00 loaded",
        " 10%|#         | 5/50 [00:12<01:48,  2.40s/it]",
        "[10:02:03<20:04:06, 1.00s/it]",
        "2026-13-23 02:37:28",
        "2026-11-23",
        "1.2.3",
        "127.0.0.1:8080 - x",
        "12:30",
        "25:00:00 x",
        "Iteration 5: 02:37",
        "I am a line",
        "Mars 23 02:37:28",
        "{\"time\": 12.5, \"loss\": 1}",
        "{\"time\": \"02:37:28\"}",
        "{\"t\": \"",
    ] {
        assert_eq!(shown(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at_without_harm(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        find_log_time(&line);
        let mut json = b"{\"ts\":".to_vec();
        json.extend(&line);
        find_log_time(&json);
    }

    #[test]
    fn nearly_times_are_looked_at_without_harm(line in "[\\[({]?[IW\"ts]{0,3}[-0-9:/.,TZ+ \"]{0,40}") {
        find_log_time(line.as_bytes());
    }
}
