//! Several values of one name: lists, groups in brackets, tuples; and values that are not there.

use super::check;

#[test]
fn short_lists_of_what_was_measured_are_numbered() {
    check(&[
        ("epoch 3 recall=[0.31, 0.42]", "epoch=3 recall/0=0.31 recall/1=0.42"),
        ("lr=[1e-05, 2.5e-05]", "lr/0=1e-05 lr/1=2.5e-05"),
        ("val loss: [0.5, 0.6, 0.7]", "val_loss/0=0.5 val_loss/1=0.6 val_loss/2=0.7"),
        // Of classes, or of no quantity.
        ("iou=[0.1, 0.2, 0.3, 0.4, 0.5]", ""),
        ("mean: [0.485, 0.456, 0.406]", ""),
        ("loss=[1, 2]", ""),
    ]);
}

#[test]
fn several_names_and_as_many_numbers_belong_together_in_their_order() {
    check(&[
        ("LOSS, MAE, MAPE 0.5 0.2 9.6", "LOSS=0.5 MAE=0.2 MAPE=9.6"),
        ("val loss, acc: 0.5, 0.91", "val_loss=0.5 acc=0.91"),
        ("epoch 3 loss, acc = 0.5 91.2%", "epoch=3 loss=0.5 acc=91.2%"),
        ("epoch, loss: 3, 0.5", "epoch=3 loss=0.5"),
        ("epoch, loss, acc 3 0.5 0.9", "epoch=3 loss=0.5 acc=0.9"),
        // Which is which is not known.
        ("loss, mae 0.5 0.2 9.6", ""),
        ("loss, mae, mape 0.5 0.2", ""),
        ("loss, mae, mse, rmse, acc 0.1 0.2 0.3 0.4 0.5 0.6 0.7", ""),
        (
            "f1, mae, mse, rmse, mape, acc, auc, ap, er, loss 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9",
            "",
        ),
        ("step 10, loss 0.5, acc 0.9", "step=10 loss=0.5 acc=0.9"),
    ]);
}

#[test]
fn brackets_that_belong_to_a_name_hold_its_parts() {
    check(&[
        (
            "loss[loss=4.1, ctc=2.5, over 90.00 frames. ], tot_loss[loss=4.2, ctc=2.6]",
            "loss=4.1 loss/ctc=2.5 tot_loss=4.2 tot_loss/ctc=2.6",
        ),
        ("Losses(total=1.2, ce=0.9)", "Losses/total=1.2 Losses/ce=0.9"),
        ("loss: 1.5 (ce=1.2, kl=0.3)", "loss=1.5 ce=1.2 kl=0.3"),
    ]);
}

#[test]
fn a_quoted_name_and_a_value_are_an_entry() {
    check(&[
        ("('epoch', 3, 'loss', 0.51)", "epoch=3 loss=0.51"),
        ("OrderedDict([('step', 7), ('eval_f1', 0.8)])", "step=7 eval_f1=0.8"),
        ("saved 'loss', 0.51", ""),
    ]);
}

#[test]
fn a_count_between_name_and_value_says_when() {
    check(&[
        ("Train loss 120 0.531 Grad Norm 1.25 2.31s/it", "Train_loss=0.531 Grad_Norm=1.25"),
        ("loss 5 acc 7", "loss=5 acc=7"),
    ]);
}

#[test]
fn a_share_may_stand_behind_what_it_is_the_share_of() {
    check(&[
        ("HellaSwag: 2501/10042 = 0.249", "HellaSwag=0.249"),
        ("Accuracy: 98/120 = 81.7%", "Accuracy=81.7%"),
        ("Accuracy: 45/60 (0.75)", "Accuracy=0.75"),
        ("Files: 3/10", ""),
    ]);
}

#[test]
fn where_a_value_is_missing_the_next_name_begins() {
    check(&[
        ("epoch 3 loss 0.51 val_loss N/A best 0.4", "epoch=3 loss=0.51 best=0.4"),
        ("epoch 3 loss 0.51 val_loss None best None", "epoch=3 loss=0.51"),
    ]);
}

#[test]
fn words_that_make_another_name() {
    check(&[
        ("Obj: 0.21, No Obj: 0.01, Avg IOU: 0.5", "Obj=0.21 No_Obj=0.01 Avg_IOU=0.5"),
        ("FID: 21.5 | IS: 8.1 ± 0.2", "FID=21.5 IS=8.1"),
        ("chrF2++: 40.8, TER: 68.9", "chrF2++=40.8 TER=68.9"),
        (
            "Average return per full training episode: 12.3",
            "Average_return_per_full_training_episode=12.3",
        ),
        ("New worst char error = 80.1 wrote checkpoint.", "worst_char_error=80.1"),
        ("metrics['dice']=0.51 opt.groups[0]['lr']=1e-3", "dice=0.51 lr=1e-3"),
        ("Step    100: eval      Accuracy |  0.55", "step=100 eval_Accuracy=0.55"),
        ("Train  0.19 Valid  0.2 Test  0.22", "Train=0.19 Valid=0.2 Test=0.22"),
        ("took 0.5 to train 0.25 of it", ""),
        ("x INFO Valid MR at step 100: 0.25", "step=100 Valid_MR=0.25"),
        ("[3/40] errD 1.35 errG 4.84 gp 16.71", "errD=1.35 errG=4.84 gp=16.71"),
        (
            "The average loss for epoch 3 is    4.07 and mean absolute error is    0.97.",
            "epoch=3 average_loss=4.07 mean_absolute_error=0.97",
        ),
        ("12: 600.1, 640.2 avg, 0.001 rate, 3.9 seconds, 64 images", "avg=640.2 rate=0.001"),
        ("epoch 1 finished in 00:03:11. avg loss per token: 3.7", "epoch=1 avg_loss_per_token=3.7"),
        ("WARNING trainer: val loss 2.28 did not improve", "val_loss=2.28"),
    ]);
}

#[test]
fn a_text_that_speaks_of_a_traceback_is_none() {
    check(&[(
        "sample: Traceback (most recent call last): he said\nstep 4 loss 0.5",
        "step=4 loss=0.5",
    )]);
}

#[test]
fn what_is_told_beside_a_bar_needs_no_sign() {
    check(&[
        (
            "L 0.693 V 0.681 A 55.20%:   8%|▊         | 1/12 [00:00<00:01, 9.21it/s]",
            "L=0.693 V=0.681 A=55.20%",
        ),
        ("L 0.693 V 0.681", ""),
        ("fetching part 2.5:   8%|▊         | 1/12 [00:00<00:01, 9.21it/s]", ""),
    ]);
}

#[test]
fn columns_may_stand_one_blank_apart() {
    check(&[
        (
            "#STEP RMSE_GRAD LOSS_TRAIN\n100 0.5 1.25\n200 0.25 1.125",
            "step=100 RMSE_GRAD=0.5 LOSS_TRAIN=1.25 step=200 RMSE_GRAD=0.25 LOSS_TRAIN=1.125",
        ),
        ("# iter energy gap\n1 -7.25 0.5", "step=1 energy=-7.25 gap=0.5"),
        ("Epoch Loss Accuracy\n   1   0.51   0.91", "epoch=1 Loss=0.51 Accuracy=0.91"),
        ("step  loss  lr\n1 0.51 1e-3", "step=1 loss=0.51 lr=1e-3"),
        // Sentences, and lines that have other cells.
        ("Epoch is complete now\n1 0.5 0.6 0.7", ""),
        ("the loss and accuracy\n1 0.5 0.6 0.7", ""),
        ("#STEP A B\n100 0.5", ""),
        ("#STEP A B\n100 0.5 x", ""),
        // What looks like a header in between displaces none.
        (
            "| epoch | loss |\n| 1 | 0.5 |\nstep counts reset\n| 2 | 0.4 |",
            "epoch=1 loss=0.5 epoch=2 loss=0.4",
        ),
    ]);
}

#[test]
fn sentences_and_comments_were_headers_of_the_numbers_below() {
    check(&[
        ("Step completed successfully\n12 0.5 0.6", ""),
        ("Epoch training started\nbox\n0.12 0.33 0.41", ""),
        ("# Loss function settings\n4 5 6", ""),
        ("# learning rate schedule\n1 0.5 0.6", ""),
        ("# loss acc lr\n0.5 0.9 0.1", "loss=0.5 acc=0.9 lr=0.1"),
        // No step is a fraction.
        ("step  loss  lr\n1  0.5  0.1\n0.12 0.33 0.41", "step=1 loss=0.5 lr=0.1"),
    ]);
}

#[test]
fn a_header_of_wide_columns_was_cut_at_each_blank_below_one_of_single_blanks() {
    check(&[(
        "Epoch Loss Accuracy\n1 0.51 0.91\nStep  Train Loss  Val Loss\n1  0.5  0.6",
        "epoch=1 Loss=0.51 Accuracy=0.91 step=1 Train_Loss=0.5 Val_Loss=0.6",
    )]);
}

#[test]
fn names_that_touch_in_a_header_are_columns_if_the_rows_say_so() {
    check(&[
        (
            "# Epoch batch         loss       loss_f\n      1     5        0.991        0.972",
            "epoch=1 batch=5 loss=0.991 loss_f=0.972",
        ),
        (
            "     timestamp            duration    training_rmse    training_auc\n     2025-03-14 09:27:01  0.05 sec    0.49             0.5",
            "training_rmse=0.49 training_auc=0.5",
        ),
    ]);
}

#[test]
fn rows_below_a_line_of_dashes_may_begin_with_a_label() {
    check(&[
        (
            "| Arch | Head | Mean |\n|---|---|---|\n| resnet | 96.3 | 88.1 |",
            "resnet/Head=96.3 resnet/Mean=88.1",
        ),
        ("| Arch | Head | Mean |\n| resnet | 96.3 | 88.1 |", ""),
    ]);
}

#[test]
fn a_cell_may_hold_a_list() {
    check(&[
        // A shape, settings, and numbers of things.
        ("| epoch | loss | shape |\n| 1 | 0.5 | [3, 224] |", "epoch=1 loss=0.5"),
        ("| epoch | loss | betas |\n| 1 | 0.5 | [0.9, 0.999] |", "epoch=1 loss=0.5"),
        ("epoch  loss  hits\n1  0.5  [1, 2, 3]", "epoch=1 loss=0.5"),
        (
            "Step      Train loss              Test metric\n0         [9.76e-01, 4.87e-01]    [1.04e+00]",
            "step=0 Train_loss/0=9.76e-01 Train_loss/1=4.87e-01 Test_metric=1.04e+00",
        ),
        ("| epoch | loss | shape |\n| 1 | 0.5 | [a, 3] |", "epoch=1 loss=0.5"),
        ("| epoch | loss | shape |\n| 1 | 0.5 | [] |", "epoch=1 loss=0.5"),
    ]);
}

#[test]
fn tables_of_other_kinds() {
    check(&[
        (
            "# iter  energy   lr\n     50   -9.1   1e-3\n    100   -9.2   1e-3",
            "step=50 energy=-9.1 lr=1e-3 step=100 energy=-9.2 lr=1e-3",
        ),
        ("#  iter  energy   lr\n     50   -9.1   1e-3", "step=50 energy=-9.1 lr=1e-3"),
        (
            " Epoch | Batch | Train Loss | Val Acc \n----\n   1   |  20   |   0.51     |    -    \n   1   |   -   |   0.50     |  81.25  ",
            "epoch=1 Batch=20 Train_Loss=0.51 epoch=1 Train_Loss=0.50 Val_Acc=81.25",
        ),
        (
            "   epoch  train_loss  val_loss    rmse\n0      1    2.300000  2.342949 1.17147",
            "epoch=1 train_loss=2.300000 val_loss=2.342949 rmse=1.17147",
        ),
        (
            " Gen   Length     Fitness   Length     Fitness\n   0    38.1     8451.12        5        0.93",
            "Gen=0 Length=38.1 Fitness=8451.12 Length_2=5 Fitness_2=0.93",
        ),
        (
            "┃ metric ┃  train ┃  valid ┃\n│ loss   │ 0.5122 │ 0.6211 │\n│ images │   1000 │    200 │",
            "train_loss=0.5122 valid_loss=0.6211",
        ),
        (
            "| Tasks |n-shot| Metric |   |Value |   |Stderr|\n|------|-----:|\n|arc   |     0|acc     |↑  |0.5122|±  |0.0061|\n|      |     0|acc_norm|↑  |0.5333|±  |0.0071|",
            "arc/acc=0.5122 arc/acc_norm=0.5333",
        ),
        (
            "average  since         example  current\nloss     last          counter  features\n0.693147 0.693147            1       50",
            "average_loss=0.693147 since_last=0.693147 example_counter=1 current_features=50",
        ),
        (
            "  iter             ELBO   delta_ELBO   notes\n   100         -900.123        1.250\n   200         -100.123        0.004   CONVERGED",
            "step=100 ELBO=-900.123 delta_ELBO=1.250 step=200 ELBO=-100.123 delta_ELBO=0.004",
        ),
        (
            "epoch   loss   val_loss   dur\n    1   0.51              1.2\n    2   0.41       0.61   1.3",
            "epoch=1 loss=0.51 dur=1.2 epoch=2 loss=0.41 val_loss=0.61 dur=1.3",
        ),
        (
            "│       │  train │  val │\n│ loss  │ 0.51 │ 0.62 │\n│       │  train │  val │\n│ loss  │ 0.41 │ 0.52 │",
            "train_loss=0.51 val_loss=0.62 train_loss=0.41 val_loss=0.52",
        ),
        (
            " step    loss     dev    bleu\n    1    0.51    0.62    12.1",
            "step=1 loss=0.51 dev=0.62 bleu=12.1",
        ),
        ("epoch;loss;acc\n1;0,512;0,912", "epoch=1 loss=0,512 acc=0,912"),
        (
            "│            │      train │   validation │\n│ roc_auc    │     0.5122 │       0.6211 │",
            "train_roc_auc=0.5122 validation_roc_auc=0.6211",
        ),
        ("+---+\n|  N |   HR  |  FA |\n+---+\n|   1|  0.99 | 0.5 |", "N=1 HR=0.99 FA=0.5"),
        (
            "|  iter  | target |   a   |\n|----|\n| 1      | -3.99  | -0.49 |",
            "step=1 target=-3.99 a=-0.49",
        ),
    ]);
}
