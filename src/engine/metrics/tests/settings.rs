//! What a run is told to do, on one line and below each other, is no metric of it.

use super::check;

#[test]
fn settings_below_each_other_were_metrics() {
    check(&[
        (
            "CUDNN:\n  BENCHMARK: True\n  ENABLED: False\nDATASET: cityscapes\nLOSS:\n  ALPHA: 0.9\n  SB_WEIGHTS: 1.0\n\
             TRAIN:\n  LR: 0.05\n  MOMENTUM: 0.9\n  IMAGE_SIZE: [2048, 1024]\n  k_ic: 1.0\nepoch 1 loss 0.5 k_ic 0.3",
            "epoch=1 loss=0.5 k_ic=0.3",
        ),
        (
            "20:31:34 - INFO - char_dim       :\t100\n20:31:34 - INFO - num_tags       :\t7\n\
             20:31:34 - INFO - batch_size     :\t20\n20:31:34 - INFO - dropout_keep   :\t0.5\n\
             20:31:34 - INFO - lr             :\t0.001\n20:31:34 - INFO - optimizer      :\tadam\n\
             20:32:34 - INFO - iteration:1 NER loss:31.083714",
            "step=1 NER_loss=31.083714",
        ),
        (
            "[12/25 14:22:26]     name : Momentum\n[12/25 14:22:26]     type : sgd\n[12/25 14:22:26]     dir : out\n\
             [12/25 14:22:26]     value : 0.001\n[12/25 14:22:26]     mom : 0.9\n\nvalue: 0.5",
            "value=0.5",
        ),
    ]);
}

#[test]
fn a_report_is_no_configuration_whatever_else_it_says() {
    check(&[
        (
            "done: false\nhostname: gpu1\nepisode_reward_max: 83.0\nepisode_reward_mean: 22.2\nepisode_reward_min: 9.0\n\
             date: 2023-01-01_10-00\nnode_ip: 10.0.0.1\nepisode_len_mean: 22.2\ncur_lr: 0.0003",
            "episode_reward_max=83.0 episode_reward_mean=22.2 episode_reward_min=9.0 episode_len_mean=22.2 cur_lr=0.0003",
        ),
        (
            "Phase: train\nloss: 0.5\nmargin: 0.9\nentropy: 0.7\ntau: 0.1",
            "loss=0.5 margin=0.9 entropy=0.7 tau=0.1",
        ),
        (
            "model: resnet\ndataset: cifar\nbatch_size: 32\nloss: 0.5\nloss: 0.4\nloss: 0.3\ntau: 0.1",
            "loss=0.5 loss=0.4 loss=0.3 tau=0.1",
        ),
        (
            "[Epoch 0] Training: accuracy=0.6\n[Epoch 0] Validation: accuracy=0.5\n[Epoch 1] Training: accuracy=0.7\n\
          [Epoch 1] Training: accuracy=0.8",
            "epoch=0 Training/accuracy=0.6 epoch=0 Validation/accuracy=0.5 \
          epoch=1 Training/accuracy=0.7 epoch=1 Training/accuracy=0.8",
        ),
    ]);
}

#[test]
fn settings_side_by_side_were_metrics() {
    check(&[
        (
            "Namespace(batch_size=10, cuda=True, gamma=0.1, lr=0.0005, model='vgg', momentum=0.9, weight_decay=0.0005)",
            "",
        ),
        ("config: x {'dataset': 'CIFAR10', 'batch_size': 25, 'lr': 0.1, 'momentum': 0.9}", ""),
        ("Learning Rate: 0.001, Momentum: 0.9, Decay: 0.0005", ""),
        ("python train.py --lr 0.1 --momentum=0.9", ""),
        ("INFO:   --lr 0.1", ""),
        ("+ LR=3e-5", ""),
        (
            "(R pid=6)   'adv': 'gae',\n(R pid=6)   'loss_mode': 'token',\n(R pid=6)   'use_kl': False,\n(R pid=6)   'clip_c': 3.0,",
            "",
        ),
        (
            "epoch 3 lr 0.1 momentum 0.9 weight_decay 1e-4",
            "epoch=3 lr=0.1 momentum=0.9 weight_decay=1e-4",
        ),
        ("lr=0.1 momentum=0.9 loss=0.5", "lr=0.1 momentum=0.9 loss=0.5"),
        ("lr=0.1 momentum=0.9", "lr=0.1 momentum=0.9"),
    ]);
}

#[test]
fn what_a_device_is_was_a_metric() {
    check(&[
        ("device: 0, GPU Compute Capability: 7.0, Driver API Version: 10.1", ""),
        ("name: GeForce GTX 1080 Ti major: 6 minor: 1 memoryClockRate(GHz): 1.582", ""),
        ("totalMemory: 10.91GiB freeMemory: 10.76GiB", ""),
        (
            "Metric val_loss improved by 0.004 >= min_delta = 0.0. New best score: 0.031",
            "best_score=0.031",
        ),
    ]);
}
