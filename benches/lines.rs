//! Lines of a training log for the benchmarks: always the same ones, made without a file.

use std::fmt::Write as _;

/// Pseudo-random numbers (Knuth's MMIX): the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Whole lines, `size` bytes of them or a little more: those of nanoGPT, of the HF Trainer, of
/// loggers, JSON, prose, and one in 2,000 that a rule matches.
pub(crate) fn log(size: usize) -> Vec<u8> {
    let mut numbers = Numbers(7);
    let mut text = String::with_capacity(size + 256);
    let mut step = 0;
    while text.len() < size {
        step += 1;
        let (a, b) = (numbers.below(10_000), numbers.below(1_000_000));
        // Writing to a string cannot fail.
        let _ = match numbers.below(2_000) {
            0 => writeln!(text, "RuntimeError: CUDA error: uncorrectable ECC error encountered"),
            kind => match kind % 5 {
                0 => {
                    writeln!(text, "iter {step}: loss {}.{a:04}, time {b}ms, mfu 31.{a:02}%", a % 4)
                }
                1 => writeln!(
                    text,
                    "{{'loss': 1.{a:04}, 'grad_norm': 0.{b:06}, 'epoch': {}.{a:02}}}",
                    step / 4000
                ),
                2 => writeln!(
                    text,
                    "2026-10-01 00:00:{:02},{:03} - INFO - train - step {step} | loss=2.{a:04} | lr=3.{b:06}e-4",
                    step % 60,
                    a % 1000
                ),
                3 => writeln!(
                    text,
                    "{{\"level\": \"info\", \"step\": {step}, \"train/loss\": 1.{a:04}, \"train/acc\": 0.{b:06}}}"
                ),
                _ => writeln!(
                    text,
                    "Saving the checkpoint to /scratch/runs/exp-{b}/checkpoint-{step}/model.safetensors"
                ),
            },
        };
    }
    text.into_bytes()
}
