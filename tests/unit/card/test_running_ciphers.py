"""A cipher that is set up once for many texts gives the bytes of one that is set up for each."""

from hypothesis import given
from hypothesis import strategies as st

from card_reader.desfire import crypto

BLOCKS = st.binary(min_size=16, max_size=16)
TEXTS = st.lists(st.tuples(st.booleans(), BLOCKS, st.integers(1, 5), st.binary(min_size=80, max_size=80)))


@given(key=BLOCKS, texts=TEXTS)
def test_running_chain_gives_what_a_cipher_of_its_own_gives_each_text(
    key: bytes, texts: list[tuple[bool, bytes, int, bytes]]
) -> None:
    chain = crypto.Chain(key)
    for is_written, vector, blocks, text in texts:
        whole = text[: 16 * blocks]
        if is_written:
            assert chain.encrypt(vector, whole) == crypto.encrypt(key, vector, whole)
        else:
            assert chain.decrypt(vector, whole) == crypto.decrypt(key, vector, whole)


@given(key=BLOCKS, texts=st.lists(st.binary(max_size=70), max_size=5))
def test_running_signer_gives_each_text_its_own_mac(key: bytes, texts: list[bytes]) -> None:
    signer = crypto.Signer(key)
    assert [signer.cmac(text) for text in texts] == [crypto.cmac(key, text) for text in texts]
    assert [signer.short_mac(text) for text in texts] == [crypto.short_mac(key, text) for text in texts]
