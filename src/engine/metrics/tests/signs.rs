//! Signs between a name and its value other than `=` and `:`, and names that hold signs.

use super::check;

#[test]
fn an_arrow_leads_to_the_value_now() {
    check(&[
        ("Epoch 1: Loss -> 0.5", "epoch=1 Loss=0.5"),
        ("train_loss ---> 0.51, val_loss ---> 0.62", "train_loss=0.51 val_loss=0.62"),
        ("Loss => 0.5", "Loss=0.5"),
        ("loss → 0.4", "loss=0.4"),
        ("lr: 0.1 -> 0.01", "lr=0.01"),
        ("lr 0.1 → 0.05 → 0.01", "lr=0.01"),
        ("epoch 3 acc: 0.5 -> 0.6", "epoch=3 acc=0.6"),
        // Of what is not known as measured an arrow says nothing.
        ("layer 3 -> 5.5", ""),
        ("input -> 0.5 -> output", ""),
    ]);
}

#[test]
fn dots_and_dashes_lead_to_a_value() {
    check(&[
        ("Loss....: 0.5", "Loss=0.5"),
        ("Loss ........ 0.5", "Loss=0.5"),
        ("Train loss.........: 0.51", "Train_loss=0.51"),
        ("Accuracy ------- 0.93", "Accuracy=0.93"),
        ("Epoch 5 - loss - 0.53 - acc - 0.7", "epoch=5 loss=0.53 acc=0.7"),
        ("loading... 0.5", ""),
        ("Epoch 1 --- loss 0.5", "epoch=1 loss=0.5"),
        ("loss=0.5 - 0.7", "loss=0.5"),
    ]);
}

#[test]
fn a_norm_has_bars_and_is_no_column() {
    check(&[
        ("iter 4: f = 0.5, ||g|| = 7.2e-07", "step=4 f=0.5 g=7.2e-07"),
        ("logp = -165.05, ||grad|| = 7.2239e-07", "logp=-165.05 grad=7.2239e-07"),
        ("epoch 1 |grad|: 0.5", "epoch=1 grad=0.5"),
        ("f=  1.2D+00    |proj g|=  3.2D-03, loss=1.0", "f=1.2D+00 proj_g=3.2D-03 loss=1.0"),
        ("  Iter    Objective  ||grad||\n  1   5.4  1.2e-01", "step=1 Objective=5.4 grad=1.2e-01"),
        ("| loss | 0.5 |", "loss=0.5"),
        ("|loss: 0.5|acc: 0.7|", "loss=0.5 acc=0.7"),
    ]);
}

#[test]
fn what_a_value_holds_for_belongs_to_its_name() {
    check(&[
        (
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.412",
            "AP@IoU=0.50:0.95,area=all,maxDets=100=0.412",
        ),
        (
            " Average Recall     (AR) @[ IoU=0.50      | area= small | maxDets= 10 ] = -1.000",
            "AR@IoU=0.50,area=small,maxDets=10=-1.000",
        ),
        ("precision(k=5): 0.8, recall(k=5): 0.7", "precision@k=5=0.8 recall@k=5=0.7"),
        ("Epoch 3 (time=0.3): loss 0.5", "epoch=3 time=0.3 loss=0.5"),
        ("(epoch: 0, iters: 7, time: 0.1) G_L1: 4.0", "epoch=0 iters=7 time=0.1 G_L1=4.0"),
    ]);
}

#[test]
fn figures_in_brackets_and_dicts_have_the_name_before_them() {
    check(&[
        ("a: (test=0.943) f: (train=0.9, test=0.942)", "test_a=0.943 train_f=0.9 test_f=0.942"),
        ("score=(train=0.94, test=0.92)", "train_score=0.94 test_score=0.92"),
        ("Per-class IoU: {'a': 0.356, 'road': 0.915}", "IoU/a=0.356 IoU/road=0.915"),
        ("loss: {'train': 0.5, 'val': 0.6}", "train_loss=0.5 val_loss=0.6"),
        ("metrics: {'loss': 0.5}", "loss=0.5"),
    ]);
}

#[test]
fn what_a_search_tries_was_not_measured() {
    check(&[
        ("[CV 1/2] END C=0.1, gamma=scale; a: (test=0.943) total time=   0.0s", "test_a=0.943"),
        (
            "[CV 3/3; 1/2] END ........................C=0.1;, score=0.940 total time=   0.0s",
            "score=0.940 total_time=0.0s",
        ),
        ("[CV 3/3; 1/2] START C=0.1.......................................................", ""),
    ]);
}

#[test]
fn a_step_size_is_no_size() {
    check(&[
        (
            "[00:00, 527it/s, step size=2.22e+00, acc. prob=0.782]",
            "step_size=2.22e+00 acc_prob=0.782",
        ),
        ("loss=0.5 train/step_size=1e-05", "loss=0.5 train/step_size=1e-05"),
        ("loss=0.5 batch_size=1e5 train/image_size=0.5", "loss=0.5"),
    ]);
}

#[test]
fn what_a_checkpoint_says_that_a_metric_reached() {
    check(&[
        (
            "Epoch 0, global step 10: 'val_loss' reached 0.70639 (best 0.70639), saving model",
            "epoch=0 step=10 val_loss=0.70639 best=0.70639",
        ),
        ("loss reached 0.5 limit", ""),
        ("Best trial: 1. Best value: 2.66767: ", "Best_value=2.66767"),
    ]);
}

#[test]
fn what_is_averaged_over_stands_behind_the_name() {
    check(&[
        ("Average reward over the last 100 episodes: 12.5", "Average_reward=12.5"),
        ("Mean reward (last 100 episodes): 12.5", "Mean_reward=12.5"),
        ("Average return (100 episodes) = 3.5", "Average_return=3.5"),
        ("Episode 20\tAverage Score over past 10 episodes: 13.2", "Episode=20 Average_Score=13.2"),
        ("Average reward last 10 episodes = 15.5", "Average_reward=15.5"),
        ("last 3 losses: 0.5", "losses=0.5"),
    ]);
}

#[test]
fn a_name_of_a_file_held_a_metric_for_each_epoch() {
    check(&[
        ("checkpoint saved: epoch=02_val_loss=0.32.ckpt", ""),
        ("Saving to ckpt/epoch=3_loss=0.51.pt", ""),
        ("best model: resnet_lr=0.1_wd=0.01_acc=0.93.pth", ""),
        ("Eval: 16_h1=0.51", "Eval/16_h1=0.51"),
    ]);
}

#[test]
fn a_cell_before_a_number_was_taken_for_a_norm() {
    check(&[
        ("a | b |c| 5 | loss 0.5", "loss=0.5"),
        ("| epoch |loss| 5 | 0.5", ""),
        ("iter 1 f 1.5 |g| 3.5 |x| 2.5", "step=1 f=1.5 g=3.5 x=2.5"),
    ]);
}

#[test]
fn the_percentage_of_a_bar_was_taken_for_a_value() {
    check(&[
        ("Training:   0%|", ""),
        ("Train loss: 45%| ETA: 00:10", ""),
        ("Eval acc: 45%|oooo| 45/100", ""),
        ("acc: 45.1%| mAP: 55.2%|", "acc=45.1% mAP=55.2%"),
    ]);
}

#[test]
fn the_data_of_a_part_of_a_line() {
    check(&[
        ("TRAIN - loss 0.5 / VAL - loss 0.6", "TRAIN/loss=0.5 VAL/loss=0.6"),
        ("Loss [train]: 0.5", "Loss_train=0.5"),
        ("loss[val]=0.6", "loss_val=0.6"),
    ]);
}

#[test]
fn a_tensor_may_show_its_value_last() {
    check(&[
        ("loss: <tf.Tensor: shape=(), dtype=float32, numpy=0.5>", "loss=0.5"),
        (
            "{'loss': <tf.Tensor: shape=(), dtype=float32, numpy=0.5>, 'acc': 0.9}",
            "loss=0.5 acc=0.9",
        ),
    ]);
}

#[test]
fn a_cell_may_be_empty_or_marked() {
    check(&[
        ("epoch,loss,acc\n1,0.5,0.9\n2,0.4,", "epoch=1 loss=0.5 acc=0.9 epoch=2 loss=0.4"),
        (
            "Epoch      Train Loss      Val Loss\n3          0.4 ↓           0.5*",
            "epoch=3 Train_Loss=0.4 Val_Loss=0.5",
        ),
    ]);
}

#[test]
fn two_losses_of_a_line_had_one_name() {
    check(&[
        (
            "total loss=1.55 spectro loss=1.54 vocoder loss=0.005",
            "total_loss=1.55 spectro_loss=1.54 vocoder_loss=0.005",
        ),
        ("pal1 conf loss:11.1 || pal1 loc loss:4.9", "pal1_conf_loss=11.1 pal1_loc_loss=4.9"),
        ("E3 S100 loss: 0.5 step100 acc: 0.7", "loss=0.5 acc=0.7"),
        ("=====Epoch: 0/50,top 1 acc: 0.0354=====", "epoch=0 top_1_acc=0.0354"),
        ("top 5 acc: 0.12", "top_5_acc=0.12"),
        ("loss1,loss2,center_loss 5.4 5.5 1.0", "loss1=5.4 loss2=5.5 center_loss=1.0"),
    ]);
}

#[test]
fn a_name_before_is_and_before_after() {
    check(&[
        ("Current learning rate is: 0.1", "Current_learning_rate=0.1"),
        ("Average inner loss after inner updates : 234.5", "Average_inner_loss=234.5"),
        ("\tspeed: 0.0517s/iter; left time: 22.5916s", "speed=0.0517s/iter"),
        ("Accuracy on Test-Set: 10.40% (1040 / 10000)", "Accuracy=10.40%"),
        (
            "Stage 1, Batch 25, Training Loss (avg over last 100): 2.44",
            "Batch=25 Training_Loss=2.44",
        ),
        ("candidate score 0.521 below promotion threshold 0.650.", "candidate_score=0.521"),
    ]);
}
