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
        (
            "step 22/22 - loss: 2.13\nEval begin...\nstep 7/7 - loss: 2.03\nEval samples: 397\nEpoch 2/8\n\
             step 10/22 - loss: 1.99",
            "step=22 loss=2.13 step=7 eval/loss=2.03 epoch=2 step=10 loss=1.99",
        ),
        (
            "AUC: 0.99\n** Reported on validation data. **\n\nMSE: 0.026\nAUC: 0.995\n\nAUC: 0.5",
            "AUC=0.99 validation/MSE=0.026 validation/AUC=0.995 AUC=0.5",
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
        (
            "[pod/x-0/jax-tpu] Completed eval after train step 19, loss=5.407, perplexity=222.9",
            "eval/loss=5.407 eval/perplexity=222.9",
        ),
        (
            "I1201 06:15:51.686686 139754515274624 controller.py:342]  eval | step:    500 | output: \n    \
             {'accuracy': 0.9,\n     'validation_loss': 0.369}\naccuracy: 0.8",
            "step=500 eval/accuracy=0.9 validation_loss=0.369 accuracy=0.8",
        ),
        ("ppocr INFO: best metric, acc: 0.50, ned: 0.59", "best/acc=0.50 best/ned=0.59"),
        ("best model: 0.5 acc: 0.9", "best_model=0.5 acc=0.9"),
        ("[Evaluator] Episode Return = 176.05", "Evaluator/Episode_Return=176.05"),
        ("test: 1, loss 0.5", "loss=0.5"),
    ]);
}

#[test]
fn what_the_label_of_a_bar_says_of_the_data() {
    check(&[(
        "\rtrain:   0%|          | 0/8 [00:00<?, ?it/s, dice_loss - 0.8414]\
         \rvalid:  50%|█████     | 1/2 [00:01<00:01, 1.0it/s, dice_loss - 0.7551, fscore - 0.4706]",
        "dice_loss=0.8414 valid/dice_loss=0.7551 valid/fscore=0.4706",
    )]);
}

#[test]
fn a_value_in_the_label_of_a_bar_was_taken_for_a_part_of_it_and_lost_when_it_came_again() {
    check(&[(
        "\rloss:   2.28 acc:   nan%:   4%|██      | 3/70 [00:13<04:59,  0.22it/s]\
         \rloss:   2.24 acc:   nan%:  10%|███▊    | 7/70 [00:13<02:00,  0.52it/s]\
         \rloss:   2.24 acc:   nan%:  11%|████▍   | 8/70 [00:13<01:44,  0.60it/s]\
         \rloss:   2.28 acc:   nan%:  13%|█████▏  | 9/70 [00:13<01:31,  0.67it/s]",
        "loss=2.28 acc=nan% loss=2.24 loss=2.28",
    )]);
    check(&[(
        "\rGen. (+01.02) | Discrim. (-00.03):   4%|▍   | 1/25 [00:13<04:59,  0.22it/s]\
         \rGen. (+01.02) | Discrim. (+00.03):   8%|▍   | 2/25 [00:13<02:00,  0.52it/s]\
         \rGen. (+01.02) | Discrim. (-00.03):  12%|▌   | 3/25 [00:13<01:44,  0.60it/s]",
        "Gen=+01.02 Discrim=-00.03 Discrim=+00.03 Discrim=-00.03",
    )]);
}

#[test]
fn tables_of_optimizers() {
    check(&[
        (
            "==========================================================\n\
             n_gen  |  n_eval  | n_nds  |      igd      |       gd      \n\
             ==========================================================\n     \
             1 |       60 |      8 |  2.4417147062 |  2.7606620915\n     \
             2 |      120 |     12 |  2.1511791371 |  2.6328861579",
            "n_gen=1 n_eval=60 n_nds=8 igd=2.4417147062 gd=2.7606620915 \
             n_gen=2 n_eval=120 n_nds=12 igd=2.1511791371 gd=2.6328861579",
        ),
        (
            "Chain [1] Iter      log prob        ||dx||      ||grad||       alpha      alpha0  # evals  Notes\n\
             Chain [1] 99        1034.7     0.0109197       371.363      0.2413      0.6421      117\n\
             Chain [1] 133       1052.17   0.000816561       203.703   5.299e-06       0.001      190  LS failed, Hessian reset",
            "step=99 log_prob=1034.7 dx=0.0109197 grad=371.363 alpha=0.2413 alpha0=0.6421 evals=117 \
             step=133 log_prob=1052.17 dx=0.000816561 grad=203.703 alpha=5.299e-06 alpha0=0.001 evals=190",
        ),
        (
            "average  since         example        example        current        current  current\n\
             loss     last          counter         weight          label        predict features\n\
             0.058750 0.046000         4000         4000.0         1.0000         1.0000       21\n\
             0.072072 0.072072         5000         5000.0        -1.0000        -1.0000       21 h",
            "average_loss=0.058750 since_last=0.046000 example_counter=4000 example_weight=4000.0 \
             current_label=1.0000 current_predict=1.0000 current_features=21 \
             average_loss=0.072072 since_last=0.072072 example_counter=5000 example_weight=5000.0 \
             current_label=-1.0000 current_predict=-1.0000 current_features=21",
        ),
    ]);
}

#[test]
fn a_summary_below_a_test_is_of_its_data() {
    check(&[(
        "Epoch: [0][30/40]\tLoss 2.2 (2.3)\tPrec@1 14.0\nTest: [0/10]\tLoss 2.1\tPrec@1 12.5\n * Prec@1 11.4 Prec@5 50.1\n\
             Epoch: [1][0/40]\tLoss 2.2\n * Prec@1 11.4\n* Test Prec@1 12.4",
        "epoch=0 Loss=2.2 Loss_avg=2.3 Prec@1=14.0 Test/Loss=2.1 Test/Prec@1=12.5 Test/Prec@1=11.4 Test/Prec@5=50.1 \
             epoch=1 Loss=2.2 Prec@1=11.4 Test_Prec@1=12.4",
    )]);
}

#[test]
fn data_before_brackets_and_in_a_label() {
    check(&[
        (
            "epoch:20, time: 2.7(s), valid (NDCG@10: 0.73, HR@10: 0.80), test (NDCG@10: 0.64, HR@10: 0.83)",
            "epoch=20 time=2.7 valid/NDCG@10=0.73 valid/HR@10=0.80 test/NDCG@10=0.64 test/HR@10=0.83",
        ),
        (
            "Validating... (loss=2.32361):  25%|██▌       | 1/4 [00:00<00:00,  4.15it/s]",
            "Validating/loss=2.32361",
        ),
        (
            "validating...: 100%|██████████| 21/21 [00:21<00:00,  1.03s/it, loss:55.7]",
            "validating/loss=55.7",
        ),
        ("EP0_train, avg_loss= 8.1 total_acc= 52.0", "train/avg_loss=8.1 train/total_acc=52.0"),
        ("Validating Epoch: 1, accuracy: 0.94", "epoch=1 Validating/accuracy=0.94"),
        (
            "  - (Training)   ppl:  54.7, accuracy: 12.0 %, lr:  0.002\n  - (Validation) ppl:  50.9, accuracy: 13.5 %, lr:  0.002",
            "Training/ppl=54.7 Training/accuracy=12.0 lr=0.002 Validation/ppl=50.9 Validation/accuracy=13.5 Validation/lr=0.002",
        ),
        ("epoch 1, val, loss=0.5 acc=1.0", "epoch=1 val/loss=0.5 val/acc=1.0"),
        ("epoch 1, train 9/10, loss=0.5 acc=1.0", "epoch=1 loss=0.5 acc=1.0"),
        (
            "Epoch 1 Training - Loss: 1.2, Mod Acc: 0.8\nEpoch 1 Validation - Loss: 18.4, Mod Acc: 0.1",
            "epoch=1 Training/Loss=1.2 Training/Mod_Acc=0.8 epoch=1 Validation/Loss=18.4 Validation/Mod_Acc=0.1",
        ),
        (
            "accuracy:  90.1%; precision:  70.0%; FB1:  70.1\n              PER: precision:  60.0%; recall:  50.0%; FB1:  55.0  28",
            "accuracy=90.1% precision=70.0% FB1=70.1 PER/precision=60.0% PER/recall=50.0% PER/FB1=55.0",
        ),
    ]);
}
