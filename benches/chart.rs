//! How long a chart takes: `cargo bench --bench chart`. The middle of nine times.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and says what")]

use std::hint::black_box;
use std::time::Instant;

use trainwatch::engine::series::Curve;
use trainwatch::render::chart::{Chart, draw};

fn curve(name: &str, points: u32) -> Curve {
    let noise = |x: u32| f64::from(x.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let value = |x: u32| 2.0 / (1.0 + f64::from(x) / f64::from(points) * 9.0) + noise(x) / 10.0;
    Curve::of(name, (0..points).map(|x| (f64::from(x), value(x))).collect())
}

fn main() {
    for (curves, points) in [(1, 100), (1, 100_000), (4, 25_000), (8, 100_000)] {
        let names = ["loss", "val_loss", "acc", "val_acc", "lr", "grad_norm", "a", "b"];
        let all: Vec<Curve> = names.iter().take(curves).map(|name| curve(name, points)).collect();
        let chart =
            Chart { title: "run", subtitle: "host", curves: &all, events: &[], x_label: "step" };
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                black_box(draw(black_box(&chart)));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{curves} curves of {points} points: {:.1} ms", times[4]);
    }
}
