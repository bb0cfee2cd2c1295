"""AWS KMS for tests: moto's, with the one thing that it lacks, and one key.

Prints its port, the key's id and the key's public half, and ends with whoever holds its standard input.
"""

import sys

import boto3
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.utils import ECDSAPrivateKey
from moto.server import ThreadedMotoServer


def sign(self, message, signing_algorithm):
    """moto takes every message for a raw one, and hashes it; what comes as MessageType=DIGEST is hashed already."""
    return self.private_key.sign(message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


ECDSAPrivateKey.sign = sign
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
kms = boto3.client(
    "kms",
    endpoint_url=f"http://{host}:{port}",
    region_name="eu-central-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
key = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
print(port, key, point.hex(), flush=True)
sys.stdin.read()
server.stop()
