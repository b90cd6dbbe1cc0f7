"""Networks: parameter counts of the papers, gradient reversal, the cosine head's forms, weights from files, what must not leak."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alcore.nets.backbones import ResNet18, SmallCNN
from alcore.nets.models import VAE, CosineHead, Discriminator, evaluating, gaussian_kl, reverse_gradient, unchanged_statistics
from alcore.nets.tasks import Classification
from tests.nets.feeding import seeded_noise, size
from tests.strategies.built import noise

# ---- gradient reversal


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_reversal_is_the_identity_forward_and_minus_eta_times_the_gradient_backward(eta):
    x = seeded_noise(3, 4).requires_grad_()
    upstream = seeded_noise(3, 4, seed=1)
    y = reverse_gradient(x, eta)
    assert torch.equal(y, x)
    y.backward(upstream)
    assert torch.equal(x.grad, -eta * upstream)


def test_reversing_twice_restores_the_sign():
    x = seeded_noise(5).requires_grad_()
    reverse_gradient(reverse_gradient(x, 0.5), 2.0).sum().backward()
    assert x.grad.tolist() == [1.0] * 5


def test_reversal_turns_the_sign_below_it_and_not_above_it():
    g, w = torch.tensor(3.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    (reverse_gradient(g) * w).backward()
    assert (g.grad.item(), w.grad.item()) == (-5.0, 3.0)


# ---- parameter counts: methods 1.1 (K = 100) and 2.4 (K = 10)


def test_parameter_counts_of_mal_equal_the_papers_table():
    f = ResNet18()
    assert size(f) == 11_176_512
    assert size(CosineHead(512, 100)) == 156_928
    assert size(Discriminator(512)) == 525_825
    assert size(f, Classification(100).head(f.out_features)) == 11_227_812
    assert size(CosineHead(512, 100, form="single")) == 51_200


def test_parameter_counts_of_mcdal_equal_the_papers_table():
    g = ResNet18(cifar_stem=True)
    heads = [Classification(10).head(g.out_features) for _ in range(3)]
    assert size(g) == 11_168_832
    assert size(g, heads[0]) == 11_173_962
    assert size(g, *heads) == 11_184_222


# ---- cosine head


def test_mme_deep_is_hidden_layer_then_norm_then_prototypes_over_the_temperature():
    head, x = CosineHead(6, 4, hidden=5), seeded_noise(7, 6)
    h = x @ head.hidden.weight.T + head.hidden.bias
    h = h / h.square().sum(1, keepdim=True).sqrt()
    torch.testing.assert_close(head(x), h @ head.prototypes.weight.T / 0.05)
    assert head.prototypes.bias is None
    assert head.hidden.bias.tolist() == [0.0] * 5


def test_single_is_equation_one_and_ignores_the_length_of_the_feature():
    head, x = CosineHead(6, 4, form="single"), seeded_noise(7, 6)
    torch.testing.assert_close(head(x), F.normalize(x, dim=1) @ head.prototypes.weight.T / 0.05)
    torch.testing.assert_close(head(x), head(123.0 * x))


@pytest.mark.parametrize("form", ["mme_deep", "single"])
def test_logits_are_bounded_by_the_prototypes_length_over_the_temperature(form):
    head = CosineHead(6, 4, form=form, hidden=5)
    bound = head.prototypes.weight.norm(dim=1) / 0.05
    assert (head(100 * seeded_noise(200, 6)).abs() <= bound * (1 + 1e-5)).all()


def test_norm_w_gives_cosines_over_the_temperature():
    head, x = CosineHead(6, 4, form="norm_w", hidden=5, temperature=0.1), seeded_noise(9, 6)
    with torch.no_grad():
        expected = F.cosine_similarity(head.hidden(x)[:, None], head.prototypes.weight[None], dim=2) / 0.1
        torch.testing.assert_close(head(x), expected)
        head.prototypes.weight *= 7
        torch.testing.assert_close(head(x), expected)


def test_half_the_temperature_doubles_the_logits():
    cold, warm = CosineHead(6, 4, temperature=0.05), CosineHead(6, 4, temperature=0.1)
    warm.load_state_dict(cold.state_dict())
    x = seeded_noise(3, 6)
    torch.testing.assert_close(cold(x), 2 * warm(x))


@pytest.mark.parametrize("form", ["mme_deep", "single", "norm_w"])
def test_a_feature_of_zeros_gives_finite_logits_and_gradients(form):
    head = CosineHead(6, 4, form=form)
    x = torch.zeros(2, 6, requires_grad=True)
    logits = head(x)
    assert logits.tolist() == [[0.0] * 4] * 2
    logits.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="unknown form 'deep'"):
        CosineHead(6, 4, form="deep")


def test_eta_reverses_the_gradient_below_the_norm_and_leaves_the_prototypes_side():
    head, weights = CosineHead(6, 4, hidden=5), seeded_noise(7, 4, seed=3)

    def gradients(eta):
        head.zero_grad()
        x = seeded_noise(7, 6).requires_grad_()
        (head(x, eta=eta) * weights).sum().backward()
        return x.grad, head.hidden.weight.grad.clone(), head.prototypes.weight.grad.clone()

    plain, turned = gradients(None), gradients(1.0)
    assert torch.equal(turned[0], -plain[0])
    assert torch.equal(turned[1], -plain[1])
    assert torch.equal(turned[2], plain[2])


def test_the_discriminator_is_three_linear_layers_with_relu_and_one_logit_an_image():
    d, x = Discriminator(6, hidden=5), seeded_noise(4, 6)
    first, second, last = (layer for layer in d.layers if isinstance(layer, nn.Linear))
    slow = last(torch.relu(second(torch.relu(first(x)))))[:, 0]
    torch.testing.assert_close(d(x), slow)


# ---- what must not leak


def buffers(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.named_buffers()}


def test_unchanged_statistics_leave_every_buffer_bitwise_and_normalize_by_the_batch():
    net, x = SmallCNN().train(), seeded_noise(8, 3, 8, 8)
    before = buffers(net)
    with unchanged_statistics(net):
        quiet = net(x)
    for name, value in net.named_buffers():
        assert torch.equal(value, before[name]), name
    assert torch.equal(net(x), quiet)  # an ordinary forward in training mode, which records
    assert not torch.equal(net.blocks[1].running_mean, before["blocks.1.running_mean"])
    assert net.blocks[1].num_batches_tracked == 1


def test_statistics_are_recorded_again_after_an_error_inside():
    net = SmallCNN()
    with pytest.raises(RuntimeError, match="stop"), unchanged_statistics(net):
        raise RuntimeError("stop")
    net(seeded_noise(4, 3, 8, 8))
    assert net.blocks[1].num_batches_tracked == 1


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_gives_the_mode_back_also_after_an_error(training):
    net = SmallCNN().train(training)
    with pytest.raises(RuntimeError, match="stop"), evaluating(net):
        assert not any(module.training for module in net.modules())
        assert not net(seeded_noise(2, 3, 8, 8)).requires_grad
        raise RuntimeError("stop")
    assert all(module.training is training for module in net.modules())


# ---- VAE


def test_the_vae_and_its_discriminator_have_the_papers_parameters():
    assert sum(p.numel() for p in VAE(32, 32, 128).parameters()) == 22_835_139
    assert sum(p.numel() for p in Discriminator(32).parameters()) == 280_065


@pytest.mark.parametrize(("size", "side"), [(8, 8), (13, 8), (16, 16), (28, 16), (32, 32), (48, 32)])
def test_the_vae_rebuilds_images_at_the_largest_side_that_fits(size, side):
    seen, made, mu, log_variance, z = VAE(size, 6, 4)(noise(3, 3, size, size))
    assert seen.shape == made.shape == (3, 3, side, side)
    assert mu.shape == log_variance.shape == z.shape == (3, 6)


def test_kl_is_0_for_the_prior_and_the_textbook_number_elsewhere():
    assert gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).abs().max() == 0
    found = gaussian_kl(torch.tensor([[1.5]]), torch.tensor([[math.log(4.0)]]))
    assert found.item() == pytest.approx(0.5 * (1.5**2 + 4 - 1 - math.log(4)))
