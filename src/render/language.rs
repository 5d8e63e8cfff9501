//! The languages that built-in texts are written in.

/// `run.language` of the rules file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
    Japanese,
    Korean,
}

impl Language {
    pub const CODES: [&'static str; 4] = ["en", "zh", "ja", "ko"];

    /// From its ISO 639-1 code; none for another one.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            "ja" => Some(Self::Japanese),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }
}
