//! The scalars of an `Event`: `summary.value[].simple_value`, or a tensor with one number, as
//! TensorFlow 2 and newer versions of PyTorch write it. All else (text, pictures) is passed over.

use std::fmt::Write as _;

use crate::engine::tfevents::Scalar;
use crate::engine::tfevents::wire::{Fields, Value};

/// Field numbers of event.proto, summary.proto, tensor.proto and tensor_shape.proto.
mod field {
    pub(super) const EVENT_WALL_TIME: u64 = 1;
    pub(super) const EVENT_STEP: u64 = 2;
    pub(super) const EVENT_SUMMARY: u64 = 5;
    pub(super) const SUMMARY_VALUE: u64 = 1;
    pub(super) const VALUE_TAG: u64 = 1;
    pub(super) const VALUE_SIMPLE: u64 = 2;
    pub(super) const VALUE_TENSOR: u64 = 8;
    pub(super) const TENSOR_TYPE: u64 = 1;
    pub(super) const TENSOR_SHAPE: u64 = 2;
    pub(super) const TENSOR_CONTENT: u64 = 4;
    pub(super) const TENSOR_FLOATS: u64 = 5;
    pub(super) const TENSOR_DOUBLES: u64 = 6;
    pub(super) const SHAPE_DIMENSION: u64 = 2;
    pub(super) const DIMENSION_SIZE: u64 = 1;
}

/// `DataType` of types.proto.
const DT_FLOAT: u64 = 1;
const DT_DOUBLE: u64 = 2;

/// A longer name is none that a rule or a person would use.
const LONGEST_TAG: usize = 256;

/// A number with the precision in which it was logged.
#[derive(Clone, Copy, Debug)]
enum Number {
    Float(f32),
    Double(f64),
}

/// Seconds since 1970; 0 if it is not said.
pub(super) fn wall_time(event: &[u8]) -> f64 {
    match Fields(event).last(field::EVENT_WALL_TIME) {
        Some(Value::Fixed64(bytes)) => f64::from_le_bytes(bytes),
        _ => 0.0,
    }
}

/// Gives the scalars of an event in their order.
pub(super) fn scalars(event: &[u8], record: u64, each: &mut dyn FnMut(Scalar<'_>)) {
    let step = match Fields(event).last(field::EVENT_STEP) {
        Some(Value::Varint(step)) => step.cast_signed(),
        _ => 0,
    };
    let summaries = Fields(event).bytes(field::EVENT_SUMMARY);
    let values = summaries.flat_map(|summary| Fields(summary).bytes(field::SUMMARY_VALUE));
    let mut text = String::new();
    for fields in values.map(Fields) {
        let Some(Value::Bytes(tag)) = fields.last(field::VALUE_TAG) else { continue };
        let Some(tag) = str::from_utf8(tag).ok().filter(|tag| !tag.is_empty()) else { continue };
        let Some(number) = number(fields).filter(|_| tag.len() <= LONGEST_TAG) else { continue };
        let value = write(number, &mut text);
        each(Scalar { record, tag, step, value, text: &text });
    }
}

fn number(value: Fields<'_>) -> Option<Number> {
    match (value.last(field::VALUE_SIMPLE), value.last(field::VALUE_TENSOR)) {
        (Some(Value::Fixed32(bytes)), _) => Some(Number::Float(f32::from_le_bytes(bytes))),
        (_, Some(Value::Bytes(bytes))) => tensor(Fields(bytes)),
        _ => None,
    }
}

/// The number of a tensor that holds exactly one.
fn tensor(tensor: Fields<'_>) -> Option<Number> {
    let shapes = tensor.bytes(field::TENSOR_SHAPE);
    let mut dimensions = shapes.flat_map(|shape| Fields(shape).bytes(field::SHAPE_DIMENSION));
    if !dimensions.all(|d| Fields(d).last(field::DIMENSION_SIZE) == Some(Value::Varint(1))) {
        return None;
    }
    let content = tensor.last(field::TENSOR_CONTENT);
    match tensor.last(field::TENSOR_TYPE)? {
        Value::Varint(DT_FLOAT) => match content.or(tensor.last(field::TENSOR_FLOATS))? {
            // Packed, as it is written today, and as it was.
            Value::Bytes(bytes) => Some(Number::Float(f32::from_le_bytes(bytes.try_into().ok()?))),
            Value::Fixed32(bytes) => Some(Number::Float(f32::from_le_bytes(bytes))),
            _ => None,
        },
        Value::Varint(DT_DOUBLE) => match content.or(tensor.last(field::TENSOR_DOUBLES))? {
            Value::Bytes(bytes) => Some(Number::Double(f64::from_le_bytes(bytes.try_into().ok()?))),
            Value::Fixed64(bytes) => Some(Number::Double(f64::from_le_bytes(bytes))),
            _ => None,
        },
        _ => None,
    }
}

/// The value that the text says: an accuracy that was logged as 0.95 in single precision reaches
/// 0.95, which the float itself does not.
fn write(number: Number, text: &mut String) -> f64 {
    text.clear();
    // Writing to a string cannot fail.
    let _ = match number {
        Number::Float(value) if is_plain(f64::from(value)) => write!(text, "{value}"),
        Number::Float(value) => write!(text, "{value:e}"),
        Number::Double(value) if is_plain(value) => write!(text, "{value}"),
        Number::Double(value) => write!(text, "{value:e}"),
    };
    let exact = match number {
        Number::Float(value) => f64::from(value),
        Number::Double(value) => value,
    };
    if exact.is_finite() { text.parse().unwrap_or(exact) } else { exact }
}

/// Whether a person would write it without an exponent.
fn is_plain(value: f64) -> bool {
    value == 0.0 || !value.is_finite() || (1e-4..1e9).contains(&value.abs())
}
