//! Data that is told by a line of its own, and by a label in the same line.

use super::check;

#[test]
fn what_stands_below_a_heading_is_of_its_data() {
    check(&[
        (
            "p0loss = 4.4, loss = 24.1\nBeginning validation after epoch!\np0loss = 4.5, loss = 25.2\n\
             GC collect\np0loss = 4.3, loss = 23.9",
            "p0loss=4.4 loss=24.1 validation/p0loss=4.5 validation/loss=25.2 p0loss=4.3 loss=23.9",
        ),
        (
            "training\n# Epoch batch         loss       loss_f        f_mae\n      1    10        0.801        0.802         19.4\n\n\
             validation\n# Epoch batch         loss       loss_f        f_mae\n      1    10         1.08         1.09         22.6\n\n\
             training\n# Epoch batch         loss       loss_f        f_mae\n      2    10        0.627        0.628         17.2",
            "epoch=1 batch=10 loss=0.801 loss_f=0.802 f_mae=19.4 epoch=1 validation/batch=10 validation/loss=1.08 \
             validation/loss_f=1.09 validation/f_mae=22.6 epoch=2 batch=10 loss=0.627 loss_f=0.628 f_mae=17.2",
        ),
        (
            "Validation Epoch 1\n{\n    \"Loss\": -1.56,\n    \"Log_Likelihood\": 1.56\n}\n\"Loss\": 0.5",
            "epoch=1 Validation/Loss=-1.56 Validation/Log_Likelihood=1.56 Loss=0.5",
        ),
        (
            "loss: 0.7\n\n=== Test results ===\nloss: 0.5\nacc: 0.9",
            "loss=0.7 Test/loss=0.5 Test/acc=0.9",
        ),
    ]);
}

#[test]
fn a_heading_without_metrics_of_its_own_names_none_of_the_training() {
    check(&[
        ("Evaluating...\nEpoch 3 | loss 0.5 | acc 0.8", "epoch=3 loss=0.5 acc=0.8"),
        ("Running validation\nstep 3 train_loss 0.5 loss 0.4", "step=3 train_loss=0.5 loss=0.4"),
        ("Running validation\n\n\n\n\n\n\n\n\n\nloss=0.5", "loss=0.5"),
        ("Running validation\nval_acc 0.9\nloss=0.5", "val_acc=0.9 loss=0.5"),
        ("Validation\n  3%|▎  | 3/99 [00:01<00:30, 3.1it/s, loss=0.5]", "loss=0.5"),
        ("Running validation\nStart training\nloss=0.5", "loss=0.5"),
    ]);
}

#[test]
fn what_a_label_says_of_the_data() {
    check(&[
        (
            "[val: 1, 50 / 500] FPS: 108.3 (395.6)  ,  Loss/total: 0.131  ,  Loss/iou: 0.132",
            "val/FPS=108.3 val/FPS_avg=395.6 val/Loss/total=0.131 val/Loss/iou=0.132",
        ),
        ("train (1/10) accuracy: 0.91 | loss/std: 0.09", "train/accuracy=0.91 train/loss/std=0.09"),
        ("[Evaluator] Episode Return = 176.05", "Evaluator/Episode_Return=176.05"),
        ("test: 1, loss 0.5", "loss=0.5"),
    ]);
}
