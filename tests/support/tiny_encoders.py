"""Encoders of the classes that are embedded with, so small that they take no time, with random weights."""

import json

import torch
import transformers as hf

WORDS = ["a", "and", "bright", "calm", "dark", "high", "long", "loud", "low", "music", "noise", "of", "piece"]
WORDS += ["short", "tones", "with", "."]


def tokenizer(folder, start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]"):
    """Save a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    names = list(dict.fromkeys([pad, unknown, start, end, *WORDS]))
    words = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=unknown))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(name, names.index(name)) for name in dict.fromkeys((start, end))]
    template = f"{start} $A {end}" if start != end else f"$A {end}"
    words.post_processor = processors.TemplateProcessing(single=template, special_tokens=ends)
    out = hf.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=pad, unk_token=unknown, cls_token=start, sep_token=end,
        eos_token=end, bos_token=start, model_max_length=64,
    )  # fmt: skip
    out.save_pretrained(folder)
    return len(names)


def clap(folder, fusion=False):
    """CLAP with both towers."""
    torch.manual_seed(1)
    size = tokenizer(folder, pad="<pad>", unknown="<unk>", start="<s>", end="</s>")
    audio = {
        "spec_size": 256, "num_mel_bins": 64, "depths": [1, 1], "num_attention_heads": [2, 2],
        "patch_embeds_hidden_size": 8, "hidden_size": 16, "window_size": 8, "projection_dim": 8,
        "enable_fusion": fusion, "num_hidden_layers": 2,
    }  # fmt: skip
    text = {
        "vocab_size": size, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 66, "projection_dim": 8, "pad_token_id": 0,
        "type_vocab_size": 1,
    }  # fmt: skip
    config = hf.ClapConfig(audio_config=audio, text_config=text, projection_dim=8)
    hf.ClapModel(config).save_pretrained(folder)
    truncation = "fusion" if fusion else "rand_trunc"
    hf.ClapFeatureExtractor(truncation=truncation).save_pretrained(folder)
    return folder


def mert(folder, **settings):
    """A stand-in for MERT: its settings and the names of its weights, in its format."""
    torch.manual_seed(2)
    config = hf.HubertConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8, 8, 8, 8, 8, 8), num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model = hf.HubertModel(config)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    old = "encoder.pos_conv_embed.conv.parametrizations.weight.original"
    state["encoder.pos_conv_embed.conv.weight_g"] = state.pop(f"{old}0")
    state["encoder.pos_conv_embed.conv.weight_v"] = state.pop(f"{old}1")
    state["label_embs_concat"] = torch.zeros(3, 4)  # a head of its pretraining
    torch.save(state, folder / "pytorch_model.bin")
    theirs = {
        "model_type": "mert_model", "architectures": ["MERTModel"], "feature_extractor_cqt": False,
        "auto_map": {"AutoConfig": "configuration_MERT.MERTConfig", "AutoModel": "modeling_MERT.MERTModel"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config.to_dict() | theirs | settings))
    (folder / "modeling_MERT.py").write_text("raise SystemExit('this code is not to be run')\n")
    hf.Wav2Vec2FeatureExtractor(sampling_rate=24000, do_normalize=True).save_pretrained(folder)
    return folder, model.eval()


def ast(folder):
    """An Audio Spectrogram Transformer that hears 1.28 s."""
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    hf.ASTModel(hf.ASTConfig(max_length=128, **sizes)).save_pretrained(folder)
    hf.ASTFeatureExtractor(max_length=128).save_pretrained(folder)
    return folder


def whisper(folder):
    """Whisper that hears two seconds."""
    torch.manual_seed(4)
    config = hf.WhisperConfig(
        vocab_size=20, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_source_positions=100,
        max_target_positions=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    hf.WhisperModel(config).save_pretrained(folder)
    hf.WhisperFeatureExtractor(chunk_length=2).save_pretrained(folder)
    return folder


def wav2vec2_bert(folder):
    """Wav2Vec2-BERT."""
    torch.manual_seed(5)
    config = hf.Wav2Vec2BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        feature_projection_input_dim=160, add_adapter=False,
    )  # fmt: skip
    hf.Wav2Vec2BertModel(config).save_pretrained(folder)
    hf.SeamlessM4TFeatureExtractor(stride=2).save_pretrained(folder)
    return folder


def bert(folder):
    """An encoder of sentences that is BERT."""
    torch.manual_seed(6)
    config = hf.BertConfig(
        vocab_size=tokenizer(folder), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    hf.BertModel(config).save_pretrained(folder)
    return folder


def qwen3(folder, padding_side="right"):
    """An encoder of sentences that is Qwen3-Embedding."""
    torch.manual_seed(7)
    size = tokenizer(folder, start="<|end|>", end="<|end|>", pad="<|end|>", unknown="<|unk|>")
    config = hf.Qwen3Config(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=16, head_dim=8, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    hf.Qwen3Model(config).save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"padding_side": padding_side}))
    return folder
