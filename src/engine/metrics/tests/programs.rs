//! What programs print: reports of many lines, tables, bars.

use super::{check, found};

#[test]
fn frameworks() {
    check(&[
        (
            " iteration      100/  500000 | consumed samples:        25600 | elapsed time per iteration (ms): 1234.5 | learning rate: 1.000E-05 | lm loss: 7.654E+00 | grad norm: 1.234 | number of nan iterations:   0 |",
            "step=100 consumed_samples=25600 elapsed_time_per_iteration_ms=1234.5 learning_rate=1.000E-05 lm_loss=7.654E+00 grad_norm=1.234 number_of_nan_iterations=0",
        ),
        (
            "[2023-08-01 10:00:00,123] [INFO] [logging.py:96:log_dist] [Rank 0] step=10, skipped=0, lr=[0.001], mom=[[0.9, 0.999]]",
            "step=10 skipped=0 lr=0.001",
        ),
        (
            "epoch=0/micro_step=10/global_step=10, CurrSamplesPerSec=11.9, MemAllocated=1.2GB",
            "epoch=0 micro_step=10 global_step=10 CurrSamplesPerSec=11.9 MemAllocated=1.2GB",
        ),
        (
            "2020-01-01 00:00:00 | INFO | train_inner | epoch 001:    100 / 4000 loss=9.9, ppl=724.08, num_updates=100, lr=1e-05",
            "epoch=001 loss=9.9 ppl=724.08 num_updates=100 lr=1e-05",
        ),
        (
            "2020-01-01 00:00:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 5.2 | ppl 14.1",
            "epoch=001 valid/loss=5.2 valid/ppl=14.1",
        ),
        (
            "{\"epoch\": 1, \"train_loss\": \"4.5\", \"train_lr\": \"1e-05\"}",
            "epoch=1 train_loss=4.5 train_lr=1e-05",
        ),
        (
            "[2020-01-01 00:00:00,000 INFO] Step 50/ 1000; acc:   5.03; ppl: 98.54; 1234/5678 tok/s;     12 sec",
            "step=50 acc=5.03 ppl=98.54",
        ),
        (
            "Train: 0 [   0/1251 (  0%)]  Loss: 6.95 (6.94)  Time: 9.2s,  111.1/s  LR: 1.000e-05  Data: 1.021 (1.022)",
            "Loss=6.95 Loss_avg=6.94 Time=9.2s LR=1.000e-05 Data=1.021 Data_avg=1.022",
        ),
        (
            "Test: [  48/48]  Loss:  1.2 (1.3)  Acc@1: 70.10 (70.12)",
            "Test/Loss=1.2 Test/Loss_avg=1.3 Test/Acc@1=70.10 Test/Acc@1_avg=70.12",
        ),
        ("*** Best metric: 76.43 (epoch 12)", "Best_metric=76.43"),
        (
            "[01/01 00:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 2.3  data_time: 0.01  lr: 0.0001  max_mem: 2500M",
            "step=19 total_loss=2.3 data_time=0.01 lr=0.0001 max_mem=2500M",
        ),
        (
            "2021-01-01 00:00:00,000 - mmdet - INFO - Epoch [1][50/7330]\tlr: 1.978e-03, eta: 4:10:20, memory: 3000, loss: 1.2",
            "epoch=1 lr=1.978e-03 memory=3000 loss=1.2",
        ),
        (
            "x - INFO - Epoch(val) [1][5]    bbox_mAP: 0.123, copypaste: 0.123 0.234 0.111",
            "epoch=1 val/bbox_mAP=0.123",
        ),
        (
            "[2021/01/01 00:00:00] ppdet.engine INFO: Epoch: [0] [  0/100] learning_rate: 0.1 loss: 20.1 eta: 1:00:00 ips: 0.3 images/s",
            "epoch=0 learning_rate=0.1 loss=20.1 ips=0.3",
        ),
        ("\t Train loss/train/total: 0.1234", "Train_loss/train/total=0.1234"),
        (
            "INFO 01-01 00:00:00 metrics.py:345] Avg prompt throughput: 10.5 tokens/s, GPU KV cache usage: 1.2%.",
            "Avg_prompt_throughput=10.5 GPU_KV_cache_usage=1.2%",
        ),
        ("Chain 1: Iteration:  200 / 2000 [ 10%]  (Warmup)", "step=200"),
        ("iter=     0 sample=1/27 sched=0.000 loss=0.712 |->", "step=0 sched=0.000 loss=0.712"),
        (
            "Iter 10: Train loss 2.345, Learning Rate 1.0e-05, It/sec 1.234, Trained Tokens 1234, Peak mem 2.3 GB",
            "step=10 Train_loss=2.345 Learning_Rate=1.0e-05 It/sec=1.234 Peak_mem=2.3",
        ),
        ("INFO:tensorflow:loss = 0.5, step = 100 (1.234 sec)", "loss=0.5 step=100"),
        ("└   loss = 0.51", "loss=0.51"),
        (
            "Norm: 1.23, NNZs: 20, T: 1000, Avg. loss: 0.12",
            "Norm=1.23 NNZs=20 T=1000 Avg_loss=0.12",
        ),
        (
            "60000/60000 [=====] - 3s 50us/step - loss: 0.22 - accuracy: 0.93",
            "loss=0.22 accuracy=0.93",
        ),
        ("[12]\ttrain-rmse:0.31+0.01\ttest-rmse:0.4", "step=12 train-rmse=0.31 test-rmse=0.4"),
        ("[1]\ttraining's auc: 0.91\tvalid_1's auc: 1", "step=1 training_auc=0.91 valid_1_auc=1"),
        (
            "0:\tlearn: 0.63\ttest: 0.64\tbest: 0.64 (0)\ttotal: 53.1ms\tremaining: 15.9s",
            "step=0 learn=0.63 test=0.64 best=0.64 total=53.1ms",
        ),
        (
            "I1123 03:10:08.099291 140438737601216 train.py:48] step 0: loss = 2.1e+01",
            "step=0 loss=2.1e+01",
        ),
        (
            "[I 2026-11-23 03:38:11,877] Trial 0 finished with value: 0.42 and parameters: {'lr': 0.1, 'layers': 4}. Best is trial 0 with value: 0.42.",
            "Trial=0 value=0.42 best_value=0.42",
        ),
        (
            "(RayTrainWorker pid=1234, ip=10.0.0.1) {'loss': 0.5, 'n': {'acc': 1}}",
            "loss=0.5 n/acc=1",
        ),
        ("val: {'loss': 0.5}", "val/loss=0.5"),
        (
            "{\"level\":30,\"time\":1531171074631,\"pid\":657,\"msg\":\"epoch 3 loss=0.5\"}",
            "epoch=3 loss=0.5",
        ),
        (
            "INFO:root:Epoch[0] Batch [20]\tSpeed: 1234.5 samples/sec\taccuracy=0.1",
            "epoch=0 Batch=20 Speed=1234.5 accuracy=0.1",
        ),
        (
            "[CV 2/3] END .....C=-1, gamma=0.1;, score=nan total time=   0.0s",
            "score=nan total_time=0.0s",
        ),
        (
            "2026-11-23 03:18:00.650 | INFO     | __main__:main:29 - step    0 loss=15.3",
            "step=0 loss=15.3",
        ),
        (
            "[03:19:25] INFO     step 0 train_loss 15.3 lr 0.01            log_train.py:88",
            "step=0 train_loss=15.3 lr=0.01",
        ),
    ]);
}

#[test]
fn tables() {
    check(&[
        (
            "   epoch    loss\n0      1   0.5\n   epoch   loss   val_loss\n0   1   0.5   0.6",
            "epoch=1 loss=0.5 epoch=1 loss=0.5 val_loss=0.6",
        ),
        (
            "        precision    recall  support\n   0       0.70      0.73       90\n cat       0.80      0.75       90\n         age   income   label\nmean   0.5   3120.4   0.6\n0   0.5   3120.4   1",
            "cat/precision=0.80 cat/recall=0.75",
        ),
        (
            "Step #10\tLoss 0.51\tLR 1e-3\nStep #11\tLoss 0.5\tLR 1e-3",
            "step=10 Loss=0.51 LR=1e-3 step=11 Loss=0.5 LR=1e-3",
        ),
        (
            "epoch\tloss\tacc\n1\t0.5\t0.9\nsaved model\n2\t0.4\t0.91",
            "epoch=1 loss=0.5 acc=0.9 epoch=2 loss=0.4 acc=0.91",
        ),
        (
            "gen\tavg\tmax\n0\t54.8\t69\nhello world\n1\t58.4\t70",
            "gen=0 avg=54.8 max=69 gen=1 avg=58.4 max=70",
        ),
        ("epoch,loss\n0,0.5\n1,nan", "epoch=0 loss=0.5 epoch=1 loss=nan"),
        (
            "| rollout/     |       |\n|    ep_rew    | 25.6  |\n| train/       |       |\n|    loss      | 36    |\n----\n| x/y | 0.1 |",
            "rollout/ep_rew=25.6 train/loss=36 x/y=0.1",
        ),
        (
            "      Iter       Train Loss   Remaining Time \n         1           0.6212            1.23s",
            "step=1 Train_Loss=0.6212",
        ),
        (
            "E    #       LOSS NER  ENTS_F\n---  ------  --------  ------\n  0       0     53.78    0.13",
            "E=0 LOSS_NER=53.78 ENTS_F=0.13",
        ),
        (
            "epoch     train_loss  mae       time    \n0         5.631    0.31  00:01     ",
            "epoch=0 train_loss=5.631 mae=0.31",
        ),
        (
            "| Trial name | status  |  iter |   loss |\n|---+---+---+---|\n| t_0        | RUNNING |     5 | 0.4512 |",
            "t_0/iter=5 t_0/loss=0.4512",
        ),
        (
            "      Epoch    GPU_mem   box_loss       Size\n        1/3      1.86G      1.914        640: 100% ━━━━━━ 1/1 10.7it/s",
            "epoch=1 GPU_mem=1.86G box_loss=1.914",
        ),
        (
            "                 Class     Images      mAP50: 100% ━━━━━━ 1/1\n                   all          6          0\n                   red          3          0",
            "Images=6 mAP50=0 red/Images=3 red/mAP50=0",
        ),
        (
            "              precision    recall   support\n\n         cat       0.97      0.98    9\n   macro avg       0.96      0.95    9",
            "cat/precision=0.97 cat/recall=0.98 macro_avg/precision=0.96 macro_avg/recall=0.95",
        ),
        ("│         test_acc          │    0.9123    │", "test_acc=0.9123"),
        (
            "╭─────────────╮\n│ Trial t_0 result │\n│ training_iteration         5 │\n│ loss            0.512 │",
            "training_iteration=5 loss=0.512",
        ),
        (
            "|  Epoch  |  Iteration  |  Mini-batch  |\n|         |             |     Loss     |\n|=====|\n|       1 |          50 |       2.3456 |",
            "epoch=1 step=50 Mini-batch_Loss=2.3456",
        ),
        (
            "| class | AP   | class | AP   |\n|:------|:-----|:------|:-----|\n| cat   | 34.1 | dog   | 12.3 |",
            "cat/AP=34.1 dog/AP=12.3",
        ),
        ("│ dense (Dense)     │ (None, 64)     │   1,344 │", ""),
    ]);
}

#[test]
fn bars_give_each_new_value_once() {
    check(&[
        (
            "\rT:  1%|1 | 1/80 [00:00<00:01, 4.5it/s, loss=9.6, lr=0.1]\rT:  2%|2 | 2/80 [00:00<00:01, 4.6it/s, loss=9.6, lr=0.1]\rT:  4%|3 | 3/80 [00:00<00:01, 4.6it/s, loss=9.5, lr=0.1]\n",
            "loss=9.6 lr=0.1 loss=9.5",
        ),
        (
            "\r1/50 ━━━━ 2s 42ms/step - accuracy: 0.75 - loss: 0.47\r50/50 ━━━━ 1s 17ms/step - accuracy: 0.81 - loss: 0.46 - val_loss: 0.4\nEpoch 2/2\n\r50/50 ━━━━ 1s - loss: 0.46 - val_loss: 0.4\n",
            "accuracy=0.75 loss=0.47 accuracy=0.81 loss=0.46 val_loss=0.4 epoch=2 loss=0.46 val_loss=0.4",
        ),
        ("\rstep 1 loss 0.5\rstep 1 loss 0.5\rstep 2 loss 0.5\n", "step=1 loss=0.5 step=2"),
        (
            "Epoch 0/9 ━━━━━━━━ 40/40 0:00:01 • 0:00:00 22.22it/s v_num: 0.000 train_loss: 0.595",
            "epoch=0 v_num=0.000 train_loss=0.595",
        ),
        ("1|10|Loss: 1.2345:   2%|▏   | 10/500 [00:20<16:00,  1.96s/it]", "Loss=1.2345"),
        (
            "\rProgress:  1.6% words/sec/thread: 1353141 lr:  0.098 avg.loss:  0.11 ETA:   0h 0m 6s",
            "words/sec/thread=1353141 lr=0.098 avg.loss=0.11",
        ),
        ("Downloading data: 100%|██████| 84.1M/84.1M [00:02<00:00, 33.1MB/s]", ""),
        (
            "Epoch 1: 50%|███ | 9/18 [00:10<00:00, 90.12it/s, loss=0.123, v_num=0]",
            "epoch=1 loss=0.123 v_num=0",
        ),
    ]);
}

#[test]
fn a_bar_that_is_drawn_again_below_a_log_line_gives_no_sample() {
    let bar = "T:  1%|1 | 1/80 [00:00<00:01, 4.5it/s, loss=9.6]";
    let text = format!("\r{bar}\r      \rval_loss=0.3\n\r{bar}\r      \rval_loss=0.3\n\r{bar}\n");
    assert_eq!(found(&text), "loss=9.6 val_loss=0.3 val_loss=0.3");
}

#[test]
fn what_is_beside_a_bar_and_wrapped_has_its_value_a_row_below() {
    check(&[
        (
            "Epoch 0/5  ━━━ 16/16 0:00:00 112.09it/s v_num: 0.000\n          train_loss: 0.577 valid_accuracy:\n          0.930\n",
            "epoch=0 v_num=0.000 train_loss=0.577 valid_accuracy=0.930",
        ),
        (
            "          loss: 0.577 acc:   \n          0.930 lr: 0.01\n          0.5",
            "loss=0.577 acc=0.930 lr=0.01",
        ),
        ("loss: 0.5 acc:\n0.93 lr: 0.01", "loss=0.5 lr=0.01"),
        ("loss: 0.5 acc:\n          0.93.1 lr: 0.01", "loss=0.5 lr=0.01"),
        ("loss: 0.5 id:\n          7 lr: 0.01", "loss=0.5 lr=0.01"),
        ("loss: 0.5 acc:\n\n          0.93", "loss=0.5"),
    ]);
}
