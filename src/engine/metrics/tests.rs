//! Lines of many programs, and the metrics that they hold.

mod headings;
mod lists;
mod programs;
mod properties;
mod settings;
mod signs;

use super::*;
use crate::engine::splitter::Splitter;

/// All samples of an output, as `name=text`, a blank between them.
fn found(output: &str) -> String {
    let mut metrics = Metrics::default();
    let mut all = Vec::new();
    let mut each = |line: Line<'_>| {
        metrics.scan(&line, &mut |f| {
            let value: f64 = f.value;
            assert!(value.is_nan() || !f.text.is_empty());
            all.push(format!("{}={}", f.name, f.text));
        });
    };
    let mut splitter = Splitter::default();
    splitter.push(output.as_bytes(), &mut each);
    splitter.close(&mut each);
    all.join(" ")
}

fn check(table: &[(&str, &str)]) {
    let wrong = |(output, expected): &&(&str, &str)| found(output) != *expected;
    let report = |(output, expected): &(&str, &str)| {
        format!("{output}\n  is      {}\n  must be {expected}\n", found(output))
    };
    let wrong: Vec<_> = table.iter().filter(wrong).map(report).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.concat());
}

#[test]
fn plain_prints() {
    check(&[
        ("step=3 loss=0.5", "step=3 loss=0.5"),
        ("loss: 0.5", "loss=0.5"),
        ("loss 0.5", "loss=0.5"),
        ("loss:0.5,acc:0.9", "loss=0.5 acc=0.9"),
        ("loss = 5e-1; acc = 95 %", "loss=5e-1 acc=95"),
        ("loss=.5 lr=1e-05", "loss=.5 lr=1e-05"),
        ("step=1,000 loss=1,234.5", "step=1,000 loss=1,234.5"),
        ("MSE=1.2e-3 R^2=0.98", "MSE=1.2e-3 R^2=0.98"),
        ("val/mAP@0.5: 0.512", "val/mAP@0.5=0.512"),
        ("Epoch 1/4 | step   10 | loss 2.26 | acc 18.8%", "epoch=1 step=10 loss=2.26 acc=18.8%"),
        ("epoch 0: train 2.0025 valid 2.0960  (saved x.png)", "epoch=0 train=2.0025 valid=2.0960"),
        ("Epoch [1/5], Step [100/600], Loss: 0.4512", "epoch=1 step=100 Loss=0.4512"),
        ("Train Epoch: 3 [640/60000 (1%)]\tLoss: 0.123", "epoch=3 Loss=0.123"),
        (
            "Test set: Average loss: 0.0512, Accuracy: 98/100 (98%)",
            "Test/Average_loss=0.0512 Test/Accuracy=98%",
        ),
        (
            "epoch 5, loss 0.1, train acc 0.95, test acc 0.9",
            "epoch=5 loss=0.1 train_acc=0.95 test_acc=0.9",
        ),
        ("step 200: train loss 3.62, val loss 3.63", "step=200 train_loss=3.62 val_loss=3.63"),
        (
            "iter 2: loss 3.66, time 8.13ms, mfu -100.00%",
            "step=2 loss=3.66 time=8.13ms mfu=-100.00%",
        ),
        (
            "Epoch: 01 | Val. Loss: 0.412 |  Val. Acc: 85.00%",
            "epoch=01 Val_Loss=0.412 Val_Acc=85.00%",
        ),
        (
            "[Epoch 1/9] [Batch 2/9] [D loss: 0.6] [G loss: 0.7]",
            "epoch=1 Batch=2 D_loss=0.6 G_loss=0.7",
        ),
        ("D(x): 0.49\tD(G(z)): 0.51 / 0.01", "D_x=0.49 D_G_z=0.51"),
        ("训练轮次 3, 损失: 0.512, 准确率：95.2%", "损失=0.512 准确率=95.2%"),
        (
            "Episode 10\tLast reward: 20.00\tAverage reward: 15.2",
            "Episode=10 Last_reward=20.00 Average_reward=15.2",
        ),
        ("reward 36 score=7 loss 0", "reward=36 score=7 loss=0"),
        (
            "| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch 12.34 | loss  7.45",
            "epoch=1 lr=20.00 ms/batch=12.34 loss=7.45",
        ),
        ("loss 0.50 (0.61) acc 87.5 (80.0)", "loss=0.50 loss_avg=0.61 acc=87.5 acc_avg=80.0"),
        (
            "step 3 loss tensor(0.5, device='cuda:0', grad_fn=<X0>) acc 1.0",
            "step=3 loss=0.5 acc=1.0",
        ),
        ("loss: Array(1.2, dtype=float32)", "loss=1.2"),
        ("episodic_return=[21.] lr=[0.001]", "episodic_return=21. lr=0.001"),
        ("score 0.5+0.01, reward=1.5 +/- 0.3", "score=0.5 reward=1.5"),
        ("mem=1.2k loss=1", "mem=1.2k loss=1"),
        ("loss=0.51 lr=1.0e-4 2.3 it/s eta 0:05:12", "loss=0.51 lr=1.0e-4"),
        ("R2 score = 0.91", "R2_score=0.91"),
        ("completed step: 3, seconds: 0.567, loss: 9.2", "step=3 seconds=0.567 loss=9.2"),
        ("Avg(100): 12.50 | loss: 0.5", "Avg_100=12.50 loss=0.5"),
        (
            "Epoch 1 | iter 9 | loss train: 2.1, val: n/a | iter time: 31.2 ms",
            "epoch=1 step=9 loss_train=2.1 iter_time=31.2",
        ),
        ("epoch 2 | loss 4.1 | clip 0 | wall 512 | 7 days", "epoch=2 loss=4.1 clip=0 wall=512"),
        ("    System/Peak GPU Memory (MB)=4,712", "System/Peak_GPU_Memory_MB=4,712"),
        (
            "lr: 1e-4 | timing in s: 0.52 | loss: 0.5\nParameters in billions: 6.48",
            "lr=1e-4 timing_in_s=0.52 loss=0.5",
        ),
        (
            "epoch: 1, gpu mem: 4012Mb, mem: 12.3Gb, loss: 1.5",
            "epoch=1 gpu_mem=4012Mb mem=12.3Gb loss=1.5",
        ),
        ("INFO: Validate: Accuracy: 0.91, Loss: 0.3", "Validate/Accuracy=0.91 Validate/Loss=0.3"),
        ("Ep. 1 : Cost 9.52 : gNorm 1.7 : L.r. 9.0e-06", "epoch=1 Cost=9.52 gNorm=1.7 L.r=9.0e-06"),
    ]);
}

#[test]
fn names_and_values_that_share_words() {
    check(&[
        ("train/val loss: 0.51 / 0.62", "train_loss=0.51 val_loss=0.62"),
        ("loss (train/val): 0.51/0.62", "train_loss=0.51 val_loss=0.62"),
        ("loss/acc = 0.51/0.91", "loss=0.51 acc=0.91"),
        ("loss: train 0.51 | val 0.62", "train_loss=0.51 val_loss=0.62"),
        ("acc: train=91.2% test=88.1%", "train_acc=91.2% test_acc=88.1%"),
        ("reward: mean=1.5, std=0.2", "mean_reward=1.5 std_reward=0.2"),
        ("loss: [0.51]", "loss=0.51"),
        ("L1 loss: 0.1, L2 loss: 0.2", "L1_loss=0.1 L2_loss=0.2"),
        ("epoch_5 loss: 0.5\nepoch_6 loss: 0.4", "loss=0.5 loss=0.4"),
        ("loss 0.51 (best 0.50 @ epoch 4)", "loss=0.51 best=0.50"),
        ("PSNR 31.20dB SSIM 0.912", "PSNR=31.20dB SSIM=0.912"),
        ("gpu 0: 81C 95% 23.1GB loss 0.51", "loss=0.51"),
        ("Gen 5\tBest 0.91\tAvg 0.71", "Gen=5 Best=0.91 Avg=0.71"),
    ]);
}

#[test]
fn values_in_sentences() {
    check(&[
        (
            "After epoch 2, the training loss is 2.27 and the validation accuracy is 21.96%.",
            "training_loss=2.27 validation_accuracy=21.96%",
        ),
        ("epoch 3: reaching an accuracy of 91.2% on dev", "epoch=3 accuracy=91.2%"),
        ("10: 1254.25, 1251.5 avg loss, 0.001 rate, 3.9 seconds", "avg_loss=1251.5 rate=0.001"),
        (
            "INFO : -1.9 per-word bound, 4.5 perplexity estimate based on it",
            "per-word_bound=-1.9 perplexity=4.5",
        ),
        ("Gen. (+01.02) | Discrim. (-00.03):   4%|▍         | 1/25", "Gen=+01.02 Discrim=-00.03"),
        ("lower bound -12960.45255.", "lower_bound=-12960.45255"),
        ("\t0.9\t = Validation score   (accuracy)", "Validation_score=0.9"),
        ("0.5 = x", ""),
        ("Perplexity of valid set: 123.4", "valid/Perplexity=123.4"),
        ("dlrm/0 [0]:AUROC over val set: 0.7310664.", "val/AUROC=0.7310664"),
        ("Accuracy on test set: 0.93", "test/Accuracy=0.93"),
        ("INFO Accuracy of the network on the 50000 test images: 7.7%", "Accuracy=7.7%"),
        ("Test set loss: 0.5", "Test/loss=0.5"),
        ("Training acc over epoch: 0.7034", "Training_acc=0.7034"),
        ("Training set accuracy 0.1228", "Training_set_accuracy=0.1228"),
        (
            "[t-SNE] KL divergence after 250 iterations with early exaggeration: 57.26",
            "KL_divergence=57.26",
        ),
        ("Accuracy after fine-tuning: 0.9", "Accuracy=0.9"),
        ("Objective function: INF", "Objective_function=INF"),
        ("The accuracy is: 0.912", "accuracy=0.912"),
        ("Episode 3 finished after 200 timesteps with reward 20.5", "Episode=3 reward=20.5"),
        ("step 3 | lr 1e-4 | 45.6% bf16 MFU | 7 tok/s", "step=3 lr=1e-4 MFU=45.6%"),
        ("Better model found at epoch 0 with valid_loss value: 0.62.", "valid_loss=0.62"),
        ("Trial 3 finished with value: 0.5", "Trial=3 value=0.5"),
        ("Training loss (for one batch) at step 200: 0.6931", "step=200 Training_loss=0.6931"),
        ("Cost after iteration 100: 0.53", "step=100 Cost=0.53"),
        ("Loss at epoch 3 is 0.5", "epoch=3 Loss=0.5"),
        ("Restarted at step 3: 0.5", ""),
        ("0.25 loss, 90.5% top1", "loss=0.25 top1=90.5%"),
        ("F1 score on the test set is 0.81", "test/F1_score=0.81"),
        ("INFO : topic diff=0.286, rho=0.42", "topic_diff=0.286 rho=0.42"),
        ("[CV 1/2] END C=0.5;, score=0.9", "score=0.9"),
        (
            "50%|##| 5/9, init loss: 8.5, avg. loss [1351-1425]: -5.5]",
            "init_loss=8.5 avg_loss=-5.5",
        ),
        ("sample: 5/9 [00:01<00:01, 3 steps of size 6e-3. acc. prob=0.7]", "acc_prob=0.7"),
        ("stop at a target accuracy of 0.9", ""),
        ("accuracy of 0.9 reached", ""),
        ("stops when the loss is 0.1", ""),
        ("val_loss improved from 0.5 to 0.4", ""),
        ("loss weight is 0.5", ""),
        ("no loss of 5 packets, 3 errors", ""),
        ("loss 0.5 acc 0.9", "loss=0.5 acc=0.9"),
        ("Accuracy for class: plane is 57.1 %", ""),
    ]);
}

#[test]
fn numbers_of_other_languages() {
    check(&[
        ("Epoche 3/9 Verlust: 0,532 Genauigkeit: 81,2 %", "epoch=3 Verlust=0,532 Genauigkeit=81,2"),
        ("エポック 3/9 - 損失: 0.53 - 正解率: 0.81", "epoch=3 損失=0.53 正解率=0.81"),
        ("Эпоха 3/9: потери = 0.53, точность = 0.81", "epoch=3 потери=0.53 точность=0.81"),
        ("loss=0,5321 lr=0,001", "loss=0,5321 lr=0,001"),
        ("loss: 1,234.5 step: 12,000", "loss=1,234.5 step=12,000"),
        ("CUDA_VISIBLE_DEVICES=0,1 loss=0.5", "loss=0.5"),
        ("devices: [0,1], betas=(0,9), loss=0.5", "loss=0.5"),
        ("│   train_loss = 2.03f0", "train_loss=2.03f0"),
        ("loss=6.93147D-01", "loss=6.93147D-01"),
    ]);
}

#[test]
fn a_part_of_a_step_is_no_step() {
    check(&[
        ("time (ms) | fwd: 12.3 | bwd: 20.5 | step: 1.69", "fwd=12.3 bwd=20.5"),
        ("step: 10.0 loss: 0.5", "step=10.0 loss=0.5"),
    ]);
}

#[test]
fn the_header_of_a_log_line_holds_no_metric() {
    check(&[
        ("x [INFO|DP=0|PP=1|node-3]: iteration: 10 / 99 | lm_loss: 9.8", "step=10 lm_loss=9.8"),
        ("[INFO] step=3 loss=0.5", "step=3 loss=0.5"),
        ("2026-11-25 17:17:11,967 : INFO : -6.414 per-word bound", "per-word_bound=-6.414"),
        ("[INFO step=3 loss=0.5", "step=3 loss=0.5"),
        ("Logical resource usage: 2.0/2 CPUs, loss=0.5", "loss=0.5"),
        ("Epoch loaded: 5 - test loss: 1.43", "test_loss=1.43"),
    ]);
}

#[test]
fn data_that_is_spoken_of() {
    check(&[
        ("train: loss=0.5 | val: loss=0.6", "train/loss=0.5 val/loss=0.6"),
        ("epoch 3 train: loss 0.5 val: loss 0.6", "epoch=3 train/loss=0.5 val/loss=0.6"),
        ("[val] epoch 3 loss=0.3", "epoch=3 val/loss=0.3"),
        ("Validation results - epoch: 1 avg loss: 0.3", "epoch=1 Validation/avg_loss=0.3"),
        (
            "x | valid | epoch 001 | valid on 'valid' subset | loss 5.2 | num_updates 100",
            "epoch=001 valid/loss=5.2 num_updates=100",
        ),
        ("epoch 1 train loss: 0.5 val loss: 0.6", "epoch=1 train_loss=0.5 val_loss=0.6"),
        ("Epoch: 001, Train: 0.91, Val: 0.52", "epoch=001 Train=0.91 Val=0.52"),
        ("==> validation epoch 1: val_loss=1.6", "epoch=1 val_loss=1.6"),
        ("loss (val): 0.5, lr: 0.1", "loss_val=0.5 lr=0.1"),
    ]);
}

#[test]
fn data_that_a_line_begins_with_is_that_of_all_that_is_alike() {
    check(&[
        ("train Loss: 0.51 Acc: 0.81", "train_Loss=0.51 train_Acc=0.81"),
        ("val Loss: 0.61 Acc: 0.79", "val_Loss=0.61 val_Acc=0.79"),
        ("INFO:trainer:val Loss: 0.61 Acc: 0.79", "val_Loss=0.61 val_Acc=0.79"),
        ("Eval: 16_h1=0.51, 16_l2=0.23", "Eval/16_h1=0.51 Eval/16_l2=0.23"),
        ("Evaluation/AverageReturn               91.2", "Evaluation/AverageReturn=91.2"),
        ("testIoU 0.51", "testIoU=0.51"),
        ("FeatureMap 3.5", ""),
        ("Steps : 5, Mel-Spec. Error : 0.52", "Steps=5 Mel-Spec_Error=0.52"),
        (
            "POOL:   Rank-1: 49.59% | Rank-5: 66.59%| mAP: 55.59%| mINP: 51.59%",
            "Rank-1=49.59% Rank-5=66.59% mAP=55.59% mINP=51.59%",
        ),
        ("Yayy! New best EMA pseudo Dice: 0.2717", "best_EMA_pseudo_Dice=0.2717"),
        ("loss in epoch 1 iteration 20: 1.27", "step=20 loss=1.27"),
        ("Avg. loss per last 500 batches: 2.115", "Avg_loss=2.115"),
        (
            "Epoch 12: reducing learning rate of group 0 to 5.0000e-04.",
            "epoch=12 learning_rate=5.0000e-04",
        ),
        ("Epoch[3] Learning rate is 0.001", "epoch=3 Learning_rate=0.001"),
        ("Updating learning rate to 5e-05", "learning_rate=5e-05"),
        ("changed learning rate from 0.1 to 0.01", ""),
        ("Maximum learning rate is 0.1", ""),
        ("previous learning rate is 0.1, new learning rate is 0.01", "learning_rate=0.01"),
        ("{'precision': array([0.12]), 'recall': array([0.5, 0.6])}", "precision=0.12"),
        (
            "mean/median reward -21.0/-20.4, entropy 1.79",
            "mean_reward=-21.0 median_reward=-20.4 entropy=1.79",
        ),
        ("[epoch:  0, lr:(1.000e-04,)] l_pix: 1.06e-01", "epoch=0 lr=1.000e-04 l_pix=1.06e-01"),
        ("Evaluation over 10 episodes: 31.5", "Evaluation=31.5"),
        ("Validation loss 50:  0.57  ", "Validation_loss=0.57"),
        ("iter  1 f 1.046e+04 |g| 3.577e+04 CG  15", "step=1 f=1.046e+04 g=3.577e+04"),
        ("epoch=3 RMSD=11.64Å lDDT-Cα=0.18", "epoch=3 RMSD=11.64Å lDDT-Cα=0.18"),
        ("tick 1     kimg 4.0      augment 0.004", "step=1 kimg=4.0 augment=0.004"),
        ("eval      E: 1       R: 22.1     F: 0.5", "eval/R=22.1 eval/F=0.5"),
        (
            "train loss 0.5 acc 0.9 | val loss 0.6 acc 0.8",
            "train_loss=0.5 train_acc=0.9 val_loss=0.6 val_acc=0.8",
        ),
        (
            "[1/9]: train loss: 0.5, acc: 0.9, val loss: 0.6, acc: 0.8",
            "train_loss=0.5 train_acc=0.9 val_loss=0.6 val_acc=0.8",
        ),
        ("train loss 0.5 val loss 0.6 acc 0.8", "train_loss=0.5 val_loss=0.6 acc=0.8"),
        ("loss 0.5 acc 0.9 val loss 0.6 acc 0.8", "loss=0.5 acc=0.9 val_loss=0.6 val_acc=0.8"),
        ("epoch val loss: 0.6 Acc: 0.8", "epoch_val_loss=0.6 val_Acc=0.8"),
        ("iteration 20 val loss: 0.6, Acc: 0.8", "step=20 val_loss=0.6 val_Acc=0.8"),
        ("DEBUG CV Batch 3 loss 0.5 lr 1e-3", "CV/Batch=3 CV/loss=0.5 CV/lr=1e-3"),
        ("Testing at 96/576 of epoch 0, loss 0.48, auc 0.79", "Testing/loss=0.48 Testing/auc=0.79"),
        (
            "[ dev valid unofficial: Epoch = 1 | start = 41.71 | exact = 31.71 ]",
            "epoch=1 dev/start=41.71 dev/exact=31.71",
        ),
        ("train | loss 0.5 | lr 1e-3", "train/loss=0.5 lr=1e-3"),
        (" Val NLL \t epoch: 0, iter: 0/278, NLL: -13.40", "epoch=0 step=0 Val/NLL=-13.40"),
        ("Batch 2400: trn: rmse = 2.23, lr = 5.40e-04", "Batch=2400 trn/rmse=2.23 lr=5.40e-04"),
        ("Test net output #1: loss = 0.07 (* 1 = 0.07 loss)", "Test/loss=0.07"),
        ("Test  loss: 0.61, accuracy: 0.79", "Test_loss=0.61 Test_accuracy=0.79"),
        ("Train ppl.    12.30 Val ppl     12.90", "Train_ppl=12.30 Val_ppl=12.90"),
        ("Epoch 3 | val Loss: 0.61 | Acc: 0.79", "epoch=3 val_Loss=0.61 val_Acc=0.79"),
        ("loss: 0.51 | val loss: 0.61 | acc: 0.79", "loss=0.51 val_loss=0.61 acc=0.79"),
        ("train loss 0.5 lr 0.1 grad_norm 1.5", "train_loss=0.5 lr=0.1 grad_norm=1.5"),
        ("train loss 0.5, val loss 0.6, acc 0.7", "train_loss=0.5 val_loss=0.6 acc=0.7"),
        ("train loss 0.5, val_loss 0.6, acc 0.7", "train_loss=0.5 val_loss=0.6 acc=0.7"),
    ]);
}

#[test]
fn a_name_does_not_change_from_line_to_line() {
    check(&[
        ("E3 S100 loss 0.5\nE3 S101 loss 0.4", "loss=0.5 loss=0.4"),
        ("第1轮 训练损失: 0.5\n第2轮 训练损失: 0.4", "训练损失=0.5 训练损失=0.4"),
        ("10/100: loss=0.5\nEpoch #2: loss 0.4", "loss=0.5 epoch=2 loss=0.4"),
        ("Accuracy of the network on the 50000 test images: 81.3%", "Accuracy=81.3%"),
    ]);
}

#[test]
fn two_writers_on_one_line() {
    check(&[
        ("[rank0] step 4: loss 0.11[rank1] step 4: loss 0.16", "step=4 loss=0.11 step=4 loss=0.16"),
        ("step 40: loss 0.1120step 40: loss 0.1606", "step=40 loss=0.1120 step=40 loss=0.1606"),
    ]);
}

#[test]
fn non_finite_values() {
    check(&[
        ("loss=nan acc=NaN norm=-inf x=inf", "loss=nan acc=NaN norm=-inf x=inf"),
        ("train_loss=nan.0, val_loss: -nan(ind)", "train_loss=nan.0 val_loss=-nan(ind)"),
        ("loss nan | acc 0.1", "loss=nan acc=0.1"),
        ("{\"loss\": NaN, \"grad\": Infinity}", "loss=NaN grad=Infinity"),
        ("{'loss': 'nan'}", "loss=nan"),
        ("nan_count=0 loss=0.5", "nan_count=0 loss=0.5"),
        ("loss is nan, stopping", ""),
        ("Loss became inf at step 12", ""),
        ("Output 'inf' contains NaN or Inf. Stop training", ""),
        ("interval must be in (0.0, inf]", ""),
        ("The value nan is not acceptable.", ""),
        ("FloatingPointError: non-finite loss nan (or inf) at step 3", ""),
    ]);
}

#[test]
fn what_is_no_metric() {
    for line in [
        "Collecting torch==2.1.0",
        "  Downloading torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl (670.2 MB)",
        "| NVIDIA-SMI 525.105.17   Driver Version: 525.105.17   CUDA Version: 12.0     |",
        "| N/A   31C    P0    56W / 400W |   3452MiB / 40960MiB |     12%      Default |",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 39.59 GiB total capacity)",
        "/opt/lib/python3.10/site-packages/torch/optim/lr_scheduler.py:139: UserWarning: In PyTorch 1.1.0 and later",
        "Job 1234567 submitted on node gpu-03 at Mon Nov 23 04:00:00 UTC 2026",
        "NCCL INFO Channel 00/02 :    0   1   2   3",
        "NCCL INFO Init timings - rank 0 total 1.00 (kernels 0.15, alloc 0.83, bootstrap 0.01, topo 0.05, rest 0.02)",
        "node01:1234:1290 [0] NCCL INFO Bootstrap : Using eth0:10.0.0.1<0>",
        "  Num Epochs = 3",
        "trainable params: 4,194,304 || all params: 6,742,609,920",
        "            Conv2d-1         [-1, 64, 112, 112]           9,408",
        "commit 4a5b6c7d8e9f0a1b2c3d4e5f",
        "git sha: 1e10abc",
        "TensorBoard 2.12.0 at http://localhost:6006/ (Press CTRL+C to quit)",
        "  File \"train.py\", line 42, in main",
        "Validation loss decreased (0.123456 --> 0.112345).  Saving model ...",
        "EarlyStopping counter: 3 out of 10",
        "checkpoint saved at step 49",
        "Using device: cuda:0",
        "seed: 42",
        "I0000 00:00:1795403248.923981    9667 port.cc:153] oneDNN",
        "Done in 5.1s",
        "Elapsed: 12.3s, remaining: 45.6s",
        "Killed process 12345 (python) total-vm:12345678kB, anon-rss:1234567kB, file-rss:0kB",
        "  exitcode  : 1 (pid: 18456)",
        "[ 12.345678] usb 1-1: new device number 5",
        "0.1 0.2 0.3",
        "perplexity: 12.34 seconds per pass - ETA 1.2 minutes",
        "Chain 1: Gradient evaluation took 1.2e-05 seconds",
    ] {
        assert_eq!(found(line), "", "{line}");
    }
}

#[test]
fn settings_are_many_pairs_on_one_line() {
    let settings: Vec<_> = (0..60).map(|i| format!("key_{i}x=0.{i}")).collect();
    assert_eq!(found(&settings.join(", ")), "");
    let dict: Vec<_> = (0..60).map(|i| format!("'loss_{i}x': 0.{i}")).collect();
    assert_eq!(found(&format!("{{{}}}", dict.join(", "))).split(' ').count(), 60);
    assert_eq!(found(&format!("step=3 {}", settings.join(" "))).split(' ').count(), 61);
}

#[test]
fn a_boxed_traceback_holds_no_metric() {
    let text = "╭── Traceback (most recent call last) ──╮\n│ ❱ 12 │ loss = 0.5 │\n╰──╯\nValueError: loss 0.5\nloss 0.4";
    assert_eq!(found(text), "loss=0.4");
}

#[test]
fn a_traceback_holds_no_metric() {
    let text = "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    opt = SGD(lr=0.1, loss=0.5)\nValueError: loss=0.5\nloss=0.4";
    assert_eq!(found(text), "loss=0.4");
}

#[test]
fn values_have_their_unit() {
    let values = |line: &str| {
        let mut values = Vec::new();
        let line = Line { number: 1, kind: LineKind::Whole, text: line.as_bytes() };
        Metrics::default().scan(&line, &mut |f| values.push(f.value));
        values
    };
    assert_eq!(values("acc=95.2% loss=1,234.5 mem=1.2k"), [95.2, 1234.5, 1200.0]);
    assert_eq!(values("loss=-inf x=2e3"), [f64::NEG_INFINITY, 2000.0]);
    assert!(values("loss=-nan")[0].is_nan());
}

#[test]
fn a_partial_line_is_not_searched() {
    let mut metrics = Metrics::default();
    let line = Line { number: 1, kind: LineKind::Partial, text: b"loss=0.1" };
    metrics.scan(&line, &mut |f| panic!("{f:?}"));
}
