//! Numbers as named groups capture them. What a number is in free text is decided elsewhere; here
//! the user has said that it is one.

/// `0.5`, `1e-4`, `95%` (which is 95), `1,234`, `nan`, `nan.0`, `-inf`; none if it is no number.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text);
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if text.eq_ignore_ascii_case("nan.0") {
        return Some(f64::NAN);
    }
    // Commas every three digits; a decimal comma is not guessed.
    let (whole, rest) = text.split_at(text.find(['.', 'e', 'E']).unwrap_or(text.len()));
    let mut groups = whole.strip_prefix(['-', '+']).unwrap_or(whole).split(',');
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
    if !first || !groups.all(|group| group.len() == 3 && digits(group)) {
        return None;
    }
    format!("{}{rest}", whole.replace(',', "")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_programs_write_them() {
        for (text, number) in [
            ("0.5", 0.5),
            ("-1e-4", -1e-4),
            ("95.2%", 95.2),
            ("1,234", 1234.0),
            ("-12,345,678.5", -12_345_678.5),
            ("-inf", f64::NEG_INFINITY),
            (" 7 ", 7.0),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["nan", "NaN", "nan.0"] {
            assert!(parse(text).is_some_and(f64::is_nan), "{text}");
        }
        for text in ["", "%", "abc", "1,23", "1,2345", ",123", "0,5", "1.2.3", "12:30", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
