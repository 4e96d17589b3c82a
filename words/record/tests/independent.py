"""The other side of tests/independent.rs: the same questions, answered by aics-tlog and aics-witness.

Reads one JSON object from standard input and writes one to standard output. All bytes travel as hexadecimal.
"""

import json
import sys
import tempfile
from pathlib import Path

from aics_tlog import (
    Checkpoint,
    MerkleTree,
    Note,
    cosignature_vkey,
    format_vkey,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign_checkpoint,
    sign_cosignature,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
    vkey_from_ed25519,
)
from aics_tlog.hashing import leaf_hash
from aics_witness.config import LogConfig
from aics_witness.protocol import format_add_checkpoint_request
from aics_witness.service import Witness, WitnessError
from aics_witness.store import WitnessStore
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def key(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def hexes(hashes):
    return [h.hex() for h in hashes]


def unhex(hashes):
    return [bytes.fromhex(h) for h in hashes]


def trees(ask):
    """Verifies every proof made there, and makes its own of the same."""
    leaves = unhex(ask["leaves"])
    tree = MerkleTree(leaves)
    sizes = range(len(leaves) + 1)
    refused = []
    for size in sizes:
        if tree.root(size).hex() != ask["roots"][size]:
            refused.append(f"root {size}")
    for p in ask["inclusion"]:
        if not verify_inclusion(
            leaf_hash(leaves[p["at"]]), p["at"], p["size"], unhex(p["proof"]), bytes.fromhex(ask["roots"][p["size"]])
        ):
            refused.append(f"inclusion {p['at']} of {p['size']}")
    for p in ask["consistency"]:
        old, new = bytes.fromhex(ask["roots"][p["at"]]), bytes.fromhex(ask["roots"][p["size"]])
        if not verify_consistency(p["at"], p["size"], old, new, unhex(p["proof"])):
            refused.append(f"consistency {p['at']} to {p['size']}")
    inclusion = [
        {"at": i, "size": n, "proof": hexes(tree.inclusion_proof(i, n))} for n in sizes for i in range(n)
    ]
    consistency = [
        {"at": o, "size": n, "proof": hexes(tree.consistency_proof(o, n))} for n in sizes for o in range(1, n + 1)
    ]
    return {"refused": refused, "inclusion": inclusion, "consistency": consistency}


def notes(ask):
    """Verifies a cosigned checkpoint made there, and makes one of its own with the same keys."""
    note = parse_note(ask["note"])
    log = parse_vkey(ask["log"])
    witnesses = [parse_vkey(w) for w in ask["witnesses"]]
    verified = verify_checkpoint(note, log, witnesses, len(witnesses), expected_origin=ask["origin"])
    cp = parse_checkpoint(note.text)
    lines = []
    for w in ask["witness_keys"]:
        _, line = sign_cosignature(
            key(w["seed"]), w["name"], w["time"], cp.origin, cp.size, cp.root, cp.extension_lines
        )
        lines.append(line)
    own = sign_checkpoint(Checkpoint(cp.origin, cp.size, cp.root, cp.extension_lines), key(ask["log_seed"]), cp.origin)
    own = Note(text=own.text, signatures=(*own.signatures, *lines))
    return {
        "ok": verified.ok,
        "note": own.serialise(),
        "log": format_vkey(vkey_from_ed25519(cp.origin, key(ask["log_seed"]).public_key())),
        "witnesses": [
            format_vkey(cosignature_vkey(w["name"], key(w["seed"]).public_key())) for w in ask["witness_keys"]
        ],
    }


def witness(ask):
    """Answers requests made there, one after the other, as a witness."""
    with tempfile.TemporaryDirectory() as folder:
        store = WitnessStore(Path(folder) / "witness.db", create=True)
        log = LogConfig.from_strings(ask["origin"], [ask["log"]])
        times = iter(r["now"] for r in ask["requests"])
        clock = {"now": 0}
        own = Witness(ask["name"], key(ask["seed"]), store, [log], clock=lambda: clock["now"])
        answers = []
        for request in ask["requests"]:
            clock["now"] = next(times)
            try:
                answers.append({"status": 200, "body": own.add_checkpoint(request["body"].encode()).decode()})
            except WitnessError as refusal:
                answers.append({"status": refusal.status, "body": (refusal.body or b"").decode()})
        vkey = own.vkey_text
        store.close()
        return {"answers": answers, "vkey": vkey}


def requests(ask):
    """Makes the requests a log sends to a witness while it grows."""
    leaves = unhex(ask["leaves"])
    tree = MerkleTree(leaves)
    signer = key(ask["log_seed"])
    bodies = []
    for step in ask["steps"]:
        note = sign_checkpoint(
            Checkpoint(ask["origin"], step["size"], tree.root(step["size"])), signer, ask["origin"]
        )
        proof = tree.consistency_proof(step["old"], step["size"]) if step["old"] else []
        bodies.append(format_add_checkpoint_request(step["old"], proof, note.to_bytes()).decode())
    return {"bodies": bodies}


ask = json.load(sys.stdin)
answer = {"trees": trees, "notes": notes, "witness": witness, "requests": requests}[ask["about"]](ask)
json.dump(answer, sys.stdout)
