"""llama.cpp's own server with a model of random weights that is made here.

Prints the server's address on a line, and serves until its standard input is closed. What the model says is noise: that the
server keeps noise to the schema of a plan is the point.
"""

import array
import os
import random
import struct
import sys
import tempfile

import xllamacpp

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 64, 2, 4, 128, 8192
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_characters():
    """GPT-2's printable character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in plain)
    return [chr(byte) for byte in plain] + [chr(256 + index) for index, _ in enumerate(others)]


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(given):
    """A value of GGUF, its type in front."""
    match given:
        case str():
            return struct.pack("<I", 8) + string(given)
        case float():
            return struct.pack("<If", 6, given)
        case int():
            return struct.pack("<II", 4, given)
        case [int(), *_]:
            return struct.pack("<IIQ", 9, 5, len(given)) + struct.pack(f"<{len(given)}i", *given)
        case _:
            return struct.pack("<IIQ", 9, 8, len(given)) + b"".join(map(string, given))


def shapes(vocabulary):
    layer = {
        "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (WIDTH, HIDDEN), "ffn_up": (WIDTH, HIDDEN),
        "ffn_down": (HIDDEN, WIDTH),
    }
    yield "token_embd.weight", (WIDTH, vocabulary)
    for number in range(LAYERS):
        for name, shape in layer.items():
            yield f"blk.{number}.{name}.weight", shape
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (WIDTH, vocabulary)


def model():
    """A GGUF file, version 3."""
    tokens = [*byte_characters(), "<|im_start|>", "<|im_end|>"]
    keys = {
        "general.architecture": "llama",
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": HIDDEN,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 256 + [3] * 2,
        "tokenizer.ggml.merges": ["a a"],
        "tokenizer.ggml.bos_token_id": 256,
        "tokenizer.ggml.eos_token_id": 257,
        "tokenizer.chat_template": TEMPLATE,
    }
    rng = random.Random(7)
    infos, data = [], bytearray()
    for name, shape in shapes(len(tokens)):
        infos.append(string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data)))
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        weights = [1.0] * count if len(shape) == 1 else [rng.gauss(0, 0.2) for _ in range(count)]
        data += array.array("f", weights).tobytes()
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(keys))
    head += b"".join(string(key) + value(given) for key, given in keys.items()) + b"".join(infos)
    return head + bytes(-len(head) % 32) + bytes(data)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "random.gguf")
        with open(path, "wb") as file:
            file.write(model())
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.n_ctx = CONTEXT
        params.n_parallel = 1
        # More threads than this spin in each other's way on a model of this size.
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.use_jinja = True
        params.warmup = False
        server = xllamacpp.Server(params)
        print(server.listening_address, flush=True)
        sys.stdin.read()


main()
