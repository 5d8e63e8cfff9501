//! Numbers as programs write them, and what only looks like one.
//!
//! `1e-05`, `.5`, `21.`, `1,234`, `0,5` (a decimal comma), `95.2%`, `1.2k`, `8.13ms`, `nan.0`, `-inf`. A date, a time, a
//! version, an address or a hash is read as one piece and is no number. Knows no names.

/// What stands at a place where a number may begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lexed {
    Number(Number),
    /// `12/80`, `12 / 80`: the first of them, which is where the run is.
    Fraction(Number),
    /// A time, a date, a version, a hash and the like.
    Junk {
        len: usize,
    },
    /// A word that begins with a digit (`3D`, `2nd`).
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    /// Bytes of the number as written, with its unit.
    pub(super) len: usize,
    /// Bytes of it that are reported as written: a fraction's without what follows its number.
    pub(super) written: usize,
    /// Bytes of the number alone; 0 if it is not finite.
    pub(super) digits: usize,
    /// What its unit multiplies it with.
    pub(super) factor: f64,
    /// `1,234`: were its first digit 0, the comma would be a point.
    pub(super) comma: bool,
    /// `0,53`: the comma is a point. Short ones may be lists: `devices=0,1`.
    pub(super) maybe_list: bool,
    /// With other digits it may be a billion.
    pub(super) may_be_large: bool,
    pub(super) style: Style,
    pub(super) unit: Unit,
    /// Letters follow at once that are no unit: two writers shared the line.
    pub(super) glued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Integer,
    /// With a point or an exponent; the number of digits behind the point.
    Decimal(u8),
    NonFinite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Percent,
    /// `k`, `M`, `GB`: already in the value.
    Scale,
    Time,
    /// `12.3it/s`
    Rate,
}

/// Reads what begins at the start of `text`; the byte before it belongs to no word.
pub(super) fn lex(text: &[u8]) -> Option<Lexed> {
    if let Some((value, len)) = non_finite(text) {
        return Some(Lexed::Number(Number {
            value,
            len,
            written: len,
            digits: 0,
            factor: 1.0,
            comma: false,
            maybe_list: false,
            may_be_large: false,
            style: Style::NonFinite,
            unit: Unit::None,
            glued: false,
        }));
    }
    let (len, style) = decimal(text)?;
    let rest = &text[len..];
    if let Some(junk) = compound(text, len, style) {
        return Some(Lexed::Junk { len: junk });
    }
    let value = parse(&text[..len])?;
    let glued = Number {
        value,
        len,
        written: len,
        digits: len,
        factor: 1.0,
        comma: memchr::memchr(b',', &text[..len]).is_some_and(|at| at <= 2),
        maybe_list: matches!(style, Style::Decimal(1..3))
            && memchr::memchr(b',', &text[..len]).is_some()
            && has_decimal_comma(&text[..len]),
        may_be_large: len > 9 || text[..len].iter().any(u8::is_ascii_alphabetic),
        style,
        unit: Unit::None,
        glued: true,
    };
    let Some((unit, factor, more)) = unit(rest) else {
        let is_glued = matches!(style, Style::Decimal(1..)) && starts_word(rest);
        return Some(if is_glued { Lexed::Number(glued) } else { Lexed::Word });
    };
    let (len, value) = (len + more, value * factor);
    let number = Number { value, len, written: len, factor, unit, glued: false, ..glued };
    if more == 0
        && style == Style::Integer
        && let Some(whole) = denominator(rest)
    {
        return Some(Lexed::Fraction(Number { len: len + whole, ..number }));
    }
    Some(Lexed::Number(number))
}

/// The value of a decimal number.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    Layout::of(text).and_then(|layout| layout.value(text)).or_else(|| parse_any(text))
}

/// The powers of ten that are exact.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The same as whole numbers, as many as a fraction has digits at most.
const WHOLE_TENS: [u64; 16] = {
    let mut tens = [1; 16];
    let mut power = 1;
    while power < tens.len() {
        tens[power] = 10 * tens[power - 1];
        power += 1;
    }
    tens
};

/// Where the digits of a plain number stand: all numbers that differ in their digits only have one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    negative: bool,
    /// Digits before and behind the point, at most fifteen in all.
    whole: u8,
    fraction: u8,
    /// Digits of the exponent, at most two, and its sign.
    exponent: u8,
    shrinks: bool,
    /// The bytes before them.
    before: u8,
}

impl Layout {
    /// None: it is written in another way.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        let whole = digits(unsigned);
        let rest = &unsigned[whole..];
        let fraction = rest.strip_prefix(b".").map_or(0, digits);
        let behind = rest.strip_prefix(b".").map_or(rest, |rest| &rest[fraction..]);
        let power = behind.strip_prefix(b"e").or_else(|| behind.strip_prefix(b"E"));
        let signed = power.unwrap_or_default();
        let shrinks = signed.starts_with(b"-");
        let plain = signed.strip_prefix(b"-").or(signed.strip_prefix(b"+")).unwrap_or(signed);
        let exponent = digits(plain);
        let ends = if power.is_some() {
            exponent == plain.len() && (1..=2).contains(&exponent)
        } else {
            behind.is_empty()
        };
        let fits = (1..=15).contains(&(whole + fraction));
        let count = |count: usize| u8::try_from(count).ok();
        (ends && fits).then_some(Self {
            negative: unsigned.len() < text.len(),
            whole: count(whole)?,
            fraction: count(fraction)?,
            exponent: count(exponent)?,
            shrinks,
            before: count(text.len() - exponent)?,
        })
    }

    /// The value of a number that has this layout, which `text` begins with: an exact whole number,
    /// divided or multiplied by an exact power of ten once, is rounded once, as it must be (Clinger
    /// 1990). None: the power is not exact.
    pub(super) fn value(&self, text: &[u8]) -> Option<f64> {
        let quick = text.first_chunk().and_then(|window| self.quick_mantissa(window));
        let mantissa = quick.or_else(|| self.mantissa(text))?.cast_signed() as f64;
        let mut tens = -isize::from(i8::try_from(self.fraction).ok()?);
        if self.exponent > 0 {
            let before = usize::from(self.before);
            let size = read_digits(text.get(before..before + usize::from(self.exponent))?);
            let size = isize::try_from(size).ok()?;
            tens += if self.shrinks { -size } else { size };
        }
        let power = TENS.get(tens.unsigned_abs())?;
        let value = if tens < 0 { mantissa / power } else { mantissa * power };
        Some(if self.negative { -value } else { value })
    }

    /// All digits before the exponent as one number.
    fn mantissa(&self, text: &[u8]) -> Option<u64> {
        let start = usize::from(self.negative);
        let point = start + usize::from(self.whole);
        let whole = read_digits(text.get(start..point)?);
        let fraction = usize::from(self.fraction);
        let behind = text.get(point..)?.get(1..1 + fraction).unwrap_or_default();
        Some(whole * WHOLE_TENS.get(fraction)? + read_digits(behind))
    }

    /// The same with eight digits read at once: of a number with one to eight before its point, and
    /// up to eight behind it, which has nearly any.
    fn quick_mantissa(&self, window: &[u8; 24]) -> Option<u64> {
        if !(1..=8).contains(&self.whole) || self.fraction > 8 {
            return None;
        }
        let digits = |start: usize, count: u8| {
            let eight = window.get(start..start + 8)?.first_chunk()?;
            Some(eight_digits(u64::from_le_bytes(*eight) << (64 - 8 * u32::from(count))))
        };
        let start = usize::from(self.negative);
        let whole = digits(start, self.whole)?;
        if self.fraction == 0 {
            return Some(whole);
        }
        let behind = digits(start + usize::from(self.whole) + 1, self.fraction)?;
        Some(whole * WHOLE_TENS.get(usize::from(self.fraction))? + behind)
    }
}

/// The number of eight digits, the first one in the lowest byte; a byte of 0 is the digit 0. In
/// pairs, then in fours, then all.
fn eight_digits(bytes: u64) -> u64 {
    const LOW: u64 = 0x0000_00ff_0000_00ff;
    let digits = bytes & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let thousands = (pairs & LOW).wrapping_mul(100 + (1_000_000 << 32));
    let ones = ((pairs >> 16) & LOW).wrapping_mul(1 + (10_000 << 32));
    thousands.wrapping_add(ones) >> 32
}

fn read_digits(text: &[u8]) -> u64 {
    let add = |number: u64, byte: &u8| number.wrapping_mul(10).wrapping_add(u64::from(byte & 0x0f));
    text.iter().fold(0, add)
}

/// `nan`, `NaN`, `-nan(ind)`, `nan.0`, `inf`, `Infinity`, as whole words.
fn non_finite(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let letters = text[sign..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &text[sign..sign + letters];
    let value = match word.len() {
        3 if word.eq_ignore_ascii_case(b"nan") => f64::NAN,
        3 if word.eq_ignore_ascii_case(b"inf") => f64::INFINITY,
        8 if word.eq_ignore_ascii_case(b"infinity") => f64::INFINITY,
        _ => return None,
    };
    let mut len = sign + letters;
    for tail in [&b".0"[..], b"(ind)", b"(snan)", b"%"] {
        if text[len..].starts_with(tail) {
            len += tail.len();
            break;
        }
    }
    let next = text.get(len).copied().unwrap_or(b' ');
    let ends = !(next.is_ascii_alphanumeric() || matches!(next, b'_' | b'-' | b'/' | b'=' | b'@'));
    ends.then_some((if text[0] == b'-' { -value } else { value }, len))
}

/// Length and style of sign, digits, fraction and exponent.
fn decimal(text: &[u8]) -> Option<(usize, Style)> {
    let mut at = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let whole = digits(&text[at..]);
    at += whole;
    if (1..=3).contains(&whole) {
        at += thousands(&text[at..]);
    }
    let mut style = Style::Integer;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(&text[at + 1..]);
        let ends = !text.get(at + 1).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if fraction > 0 || (whole > 0 && ends && closes(text.get(at + 1))) {
            at += 1 + fraction;
            style = Style::Decimal(u8::try_from(fraction).unwrap_or(u8::MAX));
        }
        if whole == 0 && fraction == 0 {
            return None;
        }
    } else if whole == 0 {
        return None;
    }
    if style == Style::Integer && has_decimal_comma(&text[..at]) {
        return Some((at, Style::Decimal(3)));
    }
    let fraction = decimal_comma(&text[at..]);
    if style == Style::Integer && fraction > 0 {
        return Some((
            at + 1 + fraction,
            Style::Decimal(u8::try_from(fraction).unwrap_or(u8::MAX)),
        ));
    }
    let exponent = exponent(&text[at..], style);
    if exponent > 0 && style == Style::Integer {
        style = Style::Decimal(0);
    }
    Some((at + exponent, style))
}

/// The length of `e-05`; behind a point also of Julia's `f-5` and of Fortran's `D-01`.
fn exponent(text: &[u8], style: Style) -> usize {
    let sign = usize::from(matches!(text.get(1), Some(b'-' | b'+')));
    let pointed = matches!(style, Style::Decimal(1..));
    let begins = match text.first() {
        Some(b'e' | b'E') => true,
        Some(b'f') => pointed,
        Some(b'D') => pointed && sign == 1,
        _ => false,
    };
    let exponent = text.get(1 + sign..).map_or(0, digits);
    if begins && (1..=4).contains(&exponent) { 1 + sign + exponent } else { 0 }
}

/// `81,2`, `0,5321`: how many digits stand behind a comma that is a point, since they are no
/// thousands, nor the next entry of a list.
fn decimal_comma(rest: &[u8]) -> usize {
    let fraction = rest.strip_prefix(b",").map_or(0, digits);
    let next = rest.get(1 + fraction).copied().unwrap_or(b' ');
    let after = rest.get(2 + fraction).copied().unwrap_or(b' ');
    let more = matches!(next, b',' | b'.' | b':' | b'-') && after.is_ascii_digit();
    let word = next.is_ascii_alphanumeric() || next == b'_';
    if more || word { 0 } else { fraction }
}

/// Whether the comma of a number is its point: no thousand begins with 0, or has but two digits.
fn has_decimal_comma(number: &[u8]) -> bool {
    let mut parts = number.splitn(3, |b| *b == b',');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    parts.next().is_none()
        && !fraction.is_empty()
        && !fraction.contains(&b'.')
        && (fraction.len() != 3 || matches!(whole, b"0" | b"-0" | b"+0"))
}

/// After `21.` only these make the point part of the number; a sentence ends otherwise.
fn closes(next: Option<&u8>) -> bool {
    matches!(next, Some(b']' | b')' | b',' | b'}'))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// `,234,567` behind one to three digits.
fn thousands(text: &[u8]) -> usize {
    let mut at = 0;
    while text.get(at) == Some(&b',') && digits(&text[at + 1..]) == 3 {
        at += 4;
    }
    at
}

fn parse_any(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.contains([',', 'f', 'D']) {
        return text.parse().ok();
    }
    let comma = if has_decimal_comma(text.as_bytes()) { "." } else { "" };
    text.replace(',', comma).replace(['f', 'D'], "e").parse().ok()
}

/// The length of a time, date, version, range or address that begins with this number.
fn compound(text: &[u8], len: usize, style: Style) -> Option<usize> {
    let next = text.get(len)?;
    let after = text.get(len + 1).copied().unwrap_or(b' ');
    let joined = match next {
        b':' => after.is_ascii_digit() && style == Style::Integer,
        b'-' => after.is_ascii_digit(),
        b'.' => after.is_ascii_digit(),
        b'x' | b'X' => after.is_ascii_hexdigit(),
        // `16_h1=0.5`: a name may begin with a digit.
        b'_' => style != Style::Integer || text.get(len + word(&text[len..])) != Some(&b'='),
        // `0.5+0.01` is a value with its deviation.
        b'+' => after.is_ascii_alphabetic() || after.is_ascii_digit() && style == Style::Integer,
        b'/' => {
            let more = digits(&text[len + 1..]);
            after.is_ascii_digit() && text.get(len + 1 + more) == Some(&b'/')
        }
        _ => is_hash(text),
    };
    joined.then(|| {
        let part = |b: &&u8| b.is_ascii_alphanumeric() || b":.-_+/".contains(b);
        text.iter().take_while(part).count().max(len)
    })
}

/// Seven or more hexadecimal digits, letters among them.
fn is_hash(text: &[u8]) -> bool {
    let len = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    len >= 7
        && text[..len].iter().filter(|b| b.is_ascii_alphabetic()).count() >= 2
        && !text.get(len).is_some_and(u8::is_ascii_alphanumeric)
}

/// The unit that follows at once, its factor and its length; none: letters that are no unit.
fn unit(rest: &[u8]) -> Option<(Unit, f64, usize)> {
    let Some(&first) = rest.first() else { return Some((Unit::None, 1.0, 0)) };
    if first == b'%' {
        return Some((Unit::Percent, 1.0, 1));
    }
    if first == b'/' && rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
        let len = word(rest);
        // `epoch=0/step=10` are two pairs.
        let pair = rest.get(len) == Some(&b'=');
        return Some(if pair { (Unit::None, 1.0, 0) } else { (Unit::Rate, 1.0, len) });
    }
    if first >= 0x80 {
        let of = |(sign, _): &&(&str, Unit)| rest.starts_with(sign.as_bytes());
        let unit = SIGNS.iter().find(of);
        return Some(unit.map_or((Unit::None, 1.0, 0), |(sign, unit)| (*unit, 1.0, sign.len())));
    }
    if !(first.is_ascii_alphabetic() || first == b'_') {
        return Some((Unit::None, 1.0, 0));
    }
    let len = word(rest);
    let text = &rest[..len];
    if memchr::memchr(b'/', text).is_some() {
        return Some((Unit::Rate, 1.0, len));
    }
    let (unit, factor) = match text {
        b"s" | b"ms" | b"us" | b"ns" | b"sec" | b"secs" | b"min" | b"m" | b"h" | b"hr" | b"d"
        | b"seconds" => (Unit::Time, 1.0),
        b"dB" | b"px" | b"nm" | b"mm" | b"cm" | b"Hz" | b"W" | b"eV" | b"meV" => (Unit::Scale, 1.0),
        b"k" | b"K" | b"kB" | b"KB" => (Unit::Scale, 1e3),
        b"M" | b"MB" | b"mb" | b"Mb" => (Unit::Scale, 1e6),
        b"G" | b"GB" | b"B" | b"gb" | b"Gb" => (Unit::Scale, 1e9),
        b"T" | b"TB" => (Unit::Scale, 1e12),
        b"KiB" => (Unit::Scale, 1024.0),
        b"MiB" => (Unit::Scale, 1_048_576.0),
        b"GiB" => (Unit::Scale, 1_073_741_824.0),
        _ => return None,
    };
    Some((unit, factor, len))
}

/// Units that are not of ASCII: micro as a sign and as a letter, Å as a letter and as a sign.
const SIGNS: [(&str, Unit); 6] = [
    ("µs", Unit::Time),
    ("μs", Unit::Time),
    ("Å", Unit::Scale),
    ("\u{212b}", Unit::Scale),
    ("°C", Unit::Scale),
    ("°", Unit::Scale),
];

fn word(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_')).count()
}

/// Letters that can begin another writer's text.
fn starts_word(rest: &[u8]) -> bool {
    rest.iter().take_while(|b| b.is_ascii_alphabetic()).count() >= 3
}

/// `/80`, `/ 80`, ` / 80`: its length.
fn denominator(rest: &[u8]) -> Option<usize> {
    let blanks = |text: &[u8]| text.iter().take_while(|b| **b == b' ').count();
    let before = blanks(rest);
    if before > 1 || rest.get(before) != Some(&b'/') {
        return None;
    }
    let after = before + 1 + blanks(&rest[before + 1..]);
    let whole = digits(&rest[after..]);
    let thousands = thousands(&rest[after + whole..]);
    (whole > 0).then_some(after + whole + thousands)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_short_number_has_the_value_that_it_has(
            text in "[-+]?[0-9]{0,17}([.][0-9]{0,17})?([eE][-+]?[0-9]{1,3})?",
            behind in "[ -~]{0,20}",
        ) {
            let any = text.parse::<f64>().ok().map(f64::to_bits);
            let layout = Layout::of(text.as_bytes());
            for text in [text.clone(), text + &behind] {
                let quick = layout.and_then(|layout| layout.value(text.as_bytes()));
                prop_assert!(quick.is_none_or(|quick| Some(quick.to_bits()) == any));
            }
        }
    }
}
