//! Curves as Slack's own chart block, for where no picture can be carried.
//!
//! Shape and limits: <https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block>:
//! per chart 1 to 6 series of 1 to 20 points that all have the categories' labels, names and labels
//! up to 20 characters, titles up to 50; at most two charts in a message. Not every workspace takes
//! it, so a refusal is answered by the same message without it.

use serde_json::{Value, json};

use crate::channels::slack::escape::{cut, line};
use crate::render::message::Curve;

const CHARTS: usize = 2;
const SERIES: usize = 3;
const POINTS: usize = 20;
const LABEL: usize = 20;
const TITLE: usize = 50;
/// Curves that differ by more than this factor do not share an axis: the smaller would be flat.
const SAME_SCALE: f64 = 20.0;

/// A curve within the limits.
#[derive(Clone, Debug)]
struct Series {
    name: String,
    labels: Vec<String>,
    values: Vec<f64>,
}

/// At most two charts; curves of like size and equal labels share one.
pub(super) fn blocks(curves: &[Curve]) -> Vec<Value> {
    let mut charts: Vec<Vec<Series>> = Vec::new();
    for series in curves.iter().filter_map(series) {
        match charts.iter().position(|chart| fits(chart, &series)) {
            Some(i) => charts[i].push(series),
            None if charts.len() < CHARTS => charts.push(vec![series]),
            None => {}
        }
    }
    charts.iter().map(|chart| block(chart)).collect()
}

/// None if there is no curve to see: fewer than two points.
fn series(curve: &Curve) -> Option<Series> {
    let mut labels: Vec<String> = Vec::new();
    let mut values = Vec::new();
    for (label, value) in &curve.points {
        let label = cut(&line(label), LABEL);
        if label.is_empty() || !value.is_finite() || labels.contains(&label) {
            continue;
        }
        labels.push(label);
        values.push(rounded(*value));
    }
    let older = labels.len().saturating_sub(POINTS);
    labels.drain(..older);
    values.drain(..older);
    let name = cut(&line(&curve.name), LABEL);
    (values.len() >= 2 && !name.is_empty()).then_some(Series { name, labels, values })
}

/// Six digits: nobody can see more, and `0.21000000000000002` is ugly where a reader points at it.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn fits(chart: &[Series], new: &Series) -> bool {
    let size = |s: &Series| s.values.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    chart.len() < SERIES
        && chart.iter().all(|old| {
            let (a, b) = (size(old), size(new));
            old.name != new.name
                && old.labels == new.labels
                && a <= b * SAME_SCALE
                && b <= a * SAME_SCALE
        })
}

fn block(chart: &[Series]) -> Value {
    let names: Vec<&str> = chart.iter().map(|s| s.name.as_str()).collect();
    let categories = chart.first().map(|s| s.labels.as_slice()).unwrap_or_default();
    let series: Vec<Value> = chart
        .iter()
        .map(|s| {
            let data: Vec<Value> = (s.labels.iter().zip(&s.values))
                .map(|(label, value)| json!({"label": label, "value": value}))
                .collect();
            json!({"name": s.name, "data": data})
        })
        .collect();
    json!({
        "type": "data_visualization",
        "title": cut(&names.join(", "), TITLE),
        "chart": {
            "type": "line",
            "series": series,
            "axis_config": {"categories": categories},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, points: &[(&str, f64)]) -> Curve {
        let points = points.iter().map(|(l, v)| ((*l).to_owned(), *v)).collect();
        Curve { name: name.to_owned(), points }
    }

    #[test]
    fn curves_of_another_size_or_other_steps_get_their_own_chart() {
        let titles = |curves: &[Curve]| -> Vec<String> {
            blocks(curves).iter().map(|b| b["title"].as_str().unwrap().to_owned()).collect()
        };
        let loss = curve("loss", &[("1", 4.0), ("2", 2.0)]);
        let eval = curve("eval_loss", &[("1", 5.0), ("2", 3.0)]);
        let rate = curve("lr", &[("1", 1e-4), ("2", 1e-5)]);
        let late = curve("acc", &[("2", 4.0), ("3", 2.0)]);
        assert_eq!(titles(&[loss.clone(), eval.clone(), rate.clone()]), ["loss, eval_loss", "lr"]);
        assert_eq!(titles(&[loss.clone(), late.clone()]), ["loss", "acc"]);
        assert_eq!(titles(&[loss.clone(), loss.clone(), rate]), ["loss", "loss"]);
    }

    #[test]
    fn what_slack_would_refuse_is_left_out() {
        assert!(blocks(&[]).is_empty());
        assert!(blocks(&[curve("one point", &[("1", 1.0)])]).is_empty());
        assert!(blocks(&[curve(" ", &[("1", 1.0), ("2", 1.0)])]).is_empty());
        let odd = curve("x", &[("1", 1.0), ("1", 2.0), (" ", 3.0), ("2", f64::NAN), ("3", 4.0)]);
        let data = &blocks(&[odd])[0]["chart"]["series"][0]["data"];
        assert_eq!(data.as_array().unwrap().len(), 2);
    }

    #[test]
    fn of_too_many_points_the_newest_stay() {
        let points: Vec<(String, f64)> = (0..50).map(|i| (i.to_string(), f64::from(i))).collect();
        let blocks = blocks(&[Curve { name: "loss".to_owned(), points }]);
        let categories = blocks[0]["chart"]["axis_config"]["categories"].as_array().unwrap();
        assert_eq!((categories.len(), &categories[0]), (20, &json!("30")));
    }
}
