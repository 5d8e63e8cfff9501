//! The conditions of `when`: parse, and evaluate on the series.

#[derive(Clone, Debug)]
pub struct Expression {
    metrics: Vec<String>,
}

/// Why a text is no condition; `offset` and `len` are bytes of that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    pub offset: usize,
    pub len: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut metrics = Vec::new();
        let word = |c: char| c.is_alphanumeric() || "_./@".contains(c);
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_alphabetic()) {
            rest = &rest[start..];
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            rest = &rest[end..];
            if !rest.starts_with('(') && !["and", "or", "not", "GB", "m"].contains(&name) {
                metrics.push(name.to_owned());
            }
        }
        match text.find('(') {
            Some(offset) if !text.contains(')') => Err(ExpressionError {
                offset,
                len: 1,
                message: "this parenthesis is not closed".to_owned(),
                hint: None,
            }),
            _ => Ok(Self { metrics }),
        }
    }

    /// The metrics that it names.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }
}
