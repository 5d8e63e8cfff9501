//! The words that names of metrics are judged by.
//!
//! The lists are of what people measure and count in training, in any program, not of what one
//! program prints. Case does not matter.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// Words that name something measured. Where one of them is in a name, a bare integer is a value.
const MEASURED_WORDS: &str = "
    loss losses l1 l2 q1 q2 acc accuracy err error mse rmse mae mape rmsle r2 auc auroc auprc aucpr roc
    logloss nll ce bce xent entropy kl elbo ppl perplexity bleu rouge meteor wer cer f1
    precision recall prec map ap ap50 ap75 iou miou dice psnr ssim lpips fid score reward
    rewards return returns rew norm gnorm lr mfu top1 top5 acc1 acc5 ndcg mrr hit hits pearson
    spearman corr bpc bpb bpd fitness objective obj cost likelihood logprob margin margins
    inertia merror mlogloss sharpe mcc kappa gini deviance residual advantage variance val fps
    sps wps tps ips throughput speed gradnorm regret penalty utilization util mem memory eer der
    snr sdr pesq mcd jaccard dsc hausdorff hd95 sensitivity specificity fpr tpr fnr tnr ece
    bound divergence brier silhouette nmi concordance smape mase crps rmsd chrf cider mota hota idf1 lddt plddt nme epe 损失 损失值 准确率 精度 学习率 損失 正解率 학습률 손실 정확도 verlust genauigkeit perte
    pérdida exactitud потери точность";

/// Where the run is: `step` and `epoch` are one name each, others stay as they are.
const EPOCHS_WORDS: &str = "
    epoch ep 轮次 エポック 에폭 epoche époque Époque época Época эпоха Эпоха";
const STEPS_WORDS: &str = "step iter itr iteration it global_step tick";
const COUNTED_WORDS: &str = "
    trial episode generation gen n_gen update round timestep total_timesteps num_updates batch";

/// Never a metric, whatever stands behind it.
const NEVER_WORDS: &str = "
    line pid ppid tid port exitcode exit errno code id version status col column addr offset uid
    gid job jobid progress eta timestamp ts date created thread rank local_rank world_size
    python cuda gcc remaining signal device cudnn level http https localhost gmt utc dtype shape
    hostname host trace lineno levelno msecs process error_code size_mb size requires left chain
    fold worker node run seed support cpu gpu cpus gpus num_gpus num_workers max_iter max_iters max_steps max_epochs num_epochs num_steps
    totalmemory freememory corecount coreclock min_delta";

/// A name that ends with one of these is never a metric.
const NEVER_LAST_WORDS: &str =
    "version id pid port line code exitcode size seed capability computecapability ghz mhz";

/// A name that begins with one of these tells what is left to do.
const NEVER_FIRST_WORDS: &str = "eta remaining";

/// May stand before a name and belongs to it.
const QUALIFIERS_WORDS: &str = "
    train training val valid validation test testing eval evaluation dev avg avg. average mean acc.
    best final running total min max smoothed ema global current cur curr last mid student
    teacher generator discriminator gen disc policy value critic actor grad gradient learning
    holdout lm aux top median std batch time absolute squared relative percentage weighted macro
    micro 训练 验证";

/// Words of a sentence: a name holds none of them.
const PROSE_WORDS: &str = "
    a an the is are was were be been in at on to for from with and or by as than then that this
    after before until took takes reached reaches finished saved saving loaded loading using use
    set setting did does not no has have had will would should if when while because contains
    found got expected about around only above below over under exceeds exceeded increasing
    decreasing reducing improved stopping every between since down up next previous new
    decreased increased dropped";

/// What a run is told before it begins, as its programs call it.
const SETTINGS_WORDS: &str = "
    batch_size batchsize bs num_workers workers optimizer optim seed epochs num_epochs max_epochs
    n_epochs weight_decay wd decay momentum dropout hidden_size hidden_dim num_layers n_layers
    scheduler lr_scheduler dataset model model_name arch backbone device gpus gpu_ids data_dir
    data_path save_dir output_dir log_dir warmup warmup_steps warmup_epochs gamma num_classes
    img_size image_size input_size max_len max_length seq_len embed_dim vocab_size patience resume";

/// A setting's name ends with one of these, where settings are printed.
const SETTINGS_LAST_WORDS: &str = "
    dim dims size file path dir seed workers epochs layers heads dropout momentum decay optimizer
    interval freq weight weights coef ratio threshold thres thresh classes chars tags name mode type";

/// Written where there is no value yet.
const MISSING_WORDS: &str = "n/a na none null nil";

/// `number of skipped iterations`: joins the words of a name before a sign.
const JOINTS_WORDS: &str = "of per";

/// Words that tell which data a number is of; all but `train`, `training` and `trn`, data not
/// trained on.
const DATA_WORDS: &str =
    "train training val valid validate validation test testing eval evaluation evaluator
    dev cv trn validating evaluating";

/// `Validation results - ...`, `Test set: ...`
const REPORTS_WORDS: &str = "results result metrics set summary epoch step phase performance";

/// Units that are written as a word of their own after a number.
const TIMES_WORDS: &str = "
    s ms us sec secs second seconds milliseconds min mins minute minutes h hour hours days";
const UNITS_WORDS: &str =
    "mb gb mib gib kb gflops tflops epochs steps iterations samples tokens it reqs db";

/// Measured, but of the run as a whole.
const OF_RUN_WORDS: &str = "
    lr norm gnorm gradnorm mfu fps sps wps tps ips throughput speed util utilization mem memory";

/// Endings of files: `train.py`, `model.pt` are places, not names.
const FILES_WORDS: &str = "
    py cc cpp cu c h hpp rs go jl r pt pth ckpt json yaml yml txt log csv so png npz bin
    safetensors tar gz zip ipynb sh java js ts keras h5 pyx pkl";

/// What a word is: a bit for each list that it is in.
pub(super) type Kinds = u32;

pub(super) const MEASURED: Kinds = 1 << 0;
pub(super) const EPOCH: Kinds = 1 << 1;
pub(super) const STEP: Kinds = 1 << 2;
pub(super) const COUNTED: Kinds = 1 << 3;
pub(super) const NEVER: Kinds = 1 << 4;
pub(super) const NEVER_LAST: Kinds = 1 << 5;
pub(super) const NEVER_FIRST: Kinds = 1 << 6;
pub(super) const QUALIFIER: Kinds = 1 << 7;
pub(super) const PROSE: Kinds = 1 << 8;
pub(super) const JOINT: Kinds = 1 << 9;
pub(super) const DATA: Kinds = 1 << 10;
pub(super) const REPORT: Kinds = 1 << 11;
pub(super) const TIME: Kinds = 1 << 12;
pub(super) const UNIT: Kinds = 1 << 13;
pub(super) const FILE: Kinds = 1 << 14;
pub(super) const OF_RUN: Kinds = 1 << 15;
pub(super) const MISSING: Kinds = 1 << 16;
pub(super) const SETTING: Kinds = 1 << 17;
pub(super) const SETTING_LAST: Kinds = 1 << 18;

const LISTS: [(Kinds, &str); 19] = [
    (MEASURED, MEASURED_WORDS),
    (EPOCH, EPOCHS_WORDS),
    (STEP, STEPS_WORDS),
    (COUNTED, COUNTED_WORDS),
    (NEVER, NEVER_WORDS),
    (NEVER_LAST, NEVER_LAST_WORDS),
    (NEVER_FIRST, NEVER_FIRST_WORDS),
    (QUALIFIER, QUALIFIERS_WORDS),
    (PROSE, PROSE_WORDS),
    (JOINT, JOINTS_WORDS),
    (DATA, DATA_WORDS),
    (REPORT, REPORTS_WORDS),
    (TIME, TIMES_WORDS),
    (UNIT, UNITS_WORDS),
    (FILE, FILES_WORDS),
    (OF_RUN, OF_RUN_WORDS),
    (MISSING, MISSING_WORDS),
    (SETTING, SETTINGS_WORDS),
    (SETTING_LAST, SETTINGS_LAST_WORDS),
];

/// No word in the lists is longer, in bytes.
const LONGEST: usize = 24;

static WORDS: LazyLock<HashMap<&'static [u8], Kinds, BuildHasherDefault<Fnv>>> =
    LazyLock::new(|| {
        let mut words: HashMap<&[u8], Kinds, _> = HashMap::default();
        for (kind, list) in LISTS {
            for word in list.split_whitespace() {
                *words.entry(word.as_bytes()).or_default() |= kind;
            }
        }
        words
    });

/// The lists that the word is in.
pub(super) fn kinds(word: &str) -> Kinds {
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..word.len()) else { return 0 };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    WORDS.get(&*lower).copied().unwrap_or(0)
}

/// Several words of each line are looked up: FNV-1a is quick for short keys, and these are ours.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes::LONGEST_KNOWN;
    use super::*;

    #[test]
    fn words_with_digits_are_short_and_begin_with_a_letter() {
        let all = LISTS.iter().flat_map(|(_, list)| list.split_whitespace());
        let with_digits: Vec<&str> =
            all.filter(|word| word.contains(|c: char| c.is_ascii_digit())).collect();
        assert!(with_digits.contains(&"top1"));
        for word in with_digits {
            assert!(
                word.len() <= LONGEST_KNOWN && word.starts_with(|c: char| c.is_ascii_alphabetic()),
                "{word}"
            );
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
        }
    }

    #[test]
    fn every_word_is_found() {
        for (kind, list) in LISTS {
            for word in list.split_whitespace() {
                assert!(kinds(word) & kind != 0, "{word}");
                assert!(kinds(&word.to_ascii_uppercase()) & kind != 0, "{word}");
            }
        }
    }
}
