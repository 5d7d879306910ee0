/* The two hot loops: cut candidates, and SHA-512/256 of many messages. And SipHash-2-4 of a
 * name, of which an archive has one for each entry: in Python it takes 50 times as long.
 *
 * Pure functions on buffers that the caller owns: nothing here parses, allocates by the
 * size of its input, or does input or output, and the loops release the interpreter lock.
 * NumPy, hashlib and Python give the same answers (see kernel.py and siphash.py); tests hold
 * them equal.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Written by hand for AVX-512, and chosen when the module is loaded. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#define AVX512 __attribute__((target("avx512f,avx512bw")))
#define AVX512_VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi2")))
#define INLINE static inline __attribute__((always_inline))
typedef __m512i vec;
#else
#define HAVE_AVX512 0
#endif

/* Compiled for several widths, also chosen when the module is loaded: that takes the clones
 * of GCC and the indirect functions of glibc. */
#if HAVE_AVX512 && defined(__GLIBC__) && !defined(__clang__) && __GNUC__ >= 12
#define WIDEST __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define WIDEST
#endif

/* ---------------------------------------------------------------- cut candidates */

enum {
    WINDOW = 48,
    LEAD = WINDOW - 1, /* bytes before an end's newest that its hash depends on */
    BLOCK = 2048,      /* ends hashed at a time; what is in between stays in the L1 cache */
    WORDS = BLOCK / 64 /* of a bit for each end */
};

/* What is looked for, and the table as each loop reads it. The test is BreakTest of
 * buzhash.py: (h - (d - 1)) * inverse, rotated right by shift, is at most limit. */
struct search {
    uint32_t table[256];
    uint8_t planes[4][256]; /* byte p of each word */
    uint32_t remainder, inverse, limit;
    unsigned shift;
};

static void prepare(struct search *s, const uint8_t *table, uint32_t d)
{
    memcpy(s->table, table, sizeof s->table);
    for (int i = 0; i < 256; i++)
        for (int p = 0; p < 4; p++)
            s->planes[p][i] = (uint8_t)(s->table[i] >> (8 * p));
    s->remainder = d - 1;
    s->limit = (uint32_t)((UINT64_C(1) << 32) / d - 1);
    for (s->shift = 0; !(d & 1); d >>= 1)
        s->shift++;
    s->inverse = d; /* right in 3 bits; each of Newton's steps doubles them */
    for (int i = 0; i < 4; i++)
        s->inverse *= 2 - d * s->inverse;
}

/* Hash the ends whose newest bytes are newest[0] to newest[BLOCK - 1]. Where any is a
 * candidate, set the bits of hits to which are, and return true. Reads newest[-LEAD] on. */
typedef bool hash_block(const uint8_t *newest, const struct search *s, uint64_t hits[WORDS]);

#define ROTL32(x, n) ((x) << (n) | (x) >> (32 - (n)))

WIDEST static bool hash_block_any(const uint8_t *newest, const struct search *s,
                                  uint64_t hits[WORDS])
{
    enum { END = LEAD + BLOCK };
    uint32_t a[END], b[END];

    for (int i = 0; i < LEAD; i++)
        a[i] = s->table[newest[i - LEAD]];
    for (int i = 0; i < BLOCK; i++) {
        uint32_t byte = newest[i];
        __asm__("" : "+r"(byte)); /* one by one: gathers are slower */
        a[LEAD + i] = s->table[byte];
    }
    for (int i = 1; i < END; i++)
        b[i] = a[i] ^ ROTL32(a[i - 1], 1);
    for (int i = 3; i < END; i++)
        a[i] = b[i] ^ ROTL32(b[i - 2], 2);
    for (int i = 7; i < END; i++)
        b[i] = a[i] ^ ROTL32(a[i - 4], 4);
    for (int i = 15; i < END; i++)
        a[i] = b[i] ^ ROTL32(b[i - 8], 8);

    const uint32_t remainder = s->remainder, inverse = s->inverse;
    const unsigned right = s->shift, left = (32 - s->shift) & 31;
    uint32_t least = UINT32_MAX;
    for (int i = LEAD; i < END; i++) {
        const uint32_t h = a[i] ^ ROTL32(a[i - 16], 16) ^ a[i - 32]; /* turned by 32: not at all */
        const uint32_t product = (h - remainder) * inverse;
        b[i] = product >> right | product << left;
        least = b[i] < least ? b[i] : least;
    }
    if (least > s->limit)
        return false;
    for (int word = 0; word < WORDS; word++) {
        hits[word] = 0;
        for (int bit = 0; bit < 64; bit++)
            hits[word] |= (uint64_t)(b[LEAD + 64 * word + bit] <= s->limit) << bit;
    }
    return true;
}

#if HAVE_AVX512
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), (v))
#define XOR3(a, b, c) _mm512_ternarylogic_epi64((a), (b), (c), 0x96)

/* The doubling in another order, as its steps commute: those that rotate by whole bytes come
 * first, on the bytes of the words kept apart in four planes, where such a rotation is a
 * change of names. Look-ups by byte (vpermb) give planes: 16 of them for 64 positions. */
enum { BEFORE = 64, FIRST = 2 * BEFORE, LAST = FIRST + BLOCK };
typedef uint8_t planes[4][LAST]; /* zeros, 64 positions before the block, the block */

AVX512_VBMI INLINE void look_up(planes to, int at, vec bytes, const struct search *s)
{
    const __mmask64 bit6 = _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(0x40));
    const __mmask64 bit7 = _mm512_movepi8_mask(bytes);
    for (int p = 0; p < 4; p++) {
        const uint8_t *plane = s->planes[p];
        vec found = _mm512_permutexvar_epi8(bytes, LOAD(plane));
        found = _mm512_mask_permutexvar_epi8(found, bit6 & ~bit7, bytes, LOAD(plane + 64));
        found = _mm512_mask_permutexvar_epi8(found, bit7 & ~bit6, bytes, LOAD(plane + 128));
        found = _mm512_mask_permutexvar_epi8(found, bit7 & bit6, bytes, LOAD(plane + 192));
        STORE(to[p] + at, found);
    }
}

/* Four planes of 64 positions to 64 words. Each quarter (128 bits) n of v[q] has the positions
 * 16n + 4q to 16n + 4q + 3: the words 4 positions back are those of v[q - 1]. */
AVX512_VBMI INLINE void join(vec v[4], const vec plane[4])
{
    const vec low01 = _mm512_unpacklo_epi8(plane[0], plane[1]);
    const vec low23 = _mm512_unpacklo_epi8(plane[2], plane[3]);
    const vec high01 = _mm512_unpackhi_epi8(plane[0], plane[1]);
    const vec high23 = _mm512_unpackhi_epi8(plane[2], plane[3]);
    v[0] = _mm512_unpacklo_epi16(low01, low23);
    v[1] = _mm512_unpackhi_epi16(low01, low23);
    v[2] = _mm512_unpacklo_epi16(high01, high23);
    v[3] = _mm512_unpackhi_epi16(high01, high23);
}

/* What stands before v[0]: v[3] a quarter back, whose first comes from the 64 words before. */
AVX512_VBMI INLINE vec preceding(const vec v[4], vec *last)
{
    const vec before = _mm512_alignr_epi64(v[3], *last, 6);
    *last = v[3];
    return before;
}

/* Which of the quotients of 64 words are at most limit, a bit each in order of position. */
AVX512_VBMI INLINE uint64_t at_most(const vec quotients[4], vec limit)
{
    uint64_t bits = 0;
    for (int q = 0; q < 4; q++)
        bits |= _pdep_u64(_mm512_cmple_epu32_mask(quotients[q], limit),
                          UINT64_C(0x000F000F000F000F) << (4 * q));
    return bits;
}

AVX512_VBMI static bool hash_block_vbmi(const uint8_t *newest, const struct search *s,
                                        uint64_t hits[WORDS])
{
    planes one, two;
    for (int p = 0; p < 4; p++) {
        STORE(one[p], _mm512_setzero_si512());
        STORE(two[p], _mm512_setzero_si512());
    }
    /* Of the 64 bytes before the block the caller has 47, and no more are needed. */
    look_up(one, BEFORE, _mm512_maskz_loadu_epi8(UINT64_MAX << (64 - LEAD), newest - 64), s);
    for (int at = FIRST; at < LAST; at += 64)
        look_up(one, at, LOAD(newest + (at - FIRST)), s);
    for (int at = BEFORE; at < LAST; at += 64) /* 8 positions back, 8 bits to the left */
        for (int p = 0; p < 4; p++)
            STORE(two[p] + at,
                  _mm512_xor_si512(LOAD(one[p] + at), LOAD(one[(p + 3) & 3] + at - 8)));

    /* The quotients are those of ~h, as (h + 1) * inverse = ~h * -inverse saves an addition.
     * A few that are none pass that comparison, and fail the exact one: h = 2**32 - 1 where d
     * is not a power of two, and one more where it is. */
    const vec factor = _mm512_set1_epi32((int)(0 - s->inverse));
    const vec shift = _mm512_set1_epi32((int)s->shift);
    const vec limit = _mm512_set1_epi32((int)s->limit);
    const vec coarse = _mm512_set1_epi32((int)(s->limit + (s->limit != UINT32_MAX)));
    const vec excess = _mm512_set1_epi32((int)(1u << s->shift)); /* d * inverse */
    vec last_v = _mm512_setzero_si512(), last_w = last_v, last_x = last_v;
    bool any = false;
    for (int at = BEFORE; at < LAST; at += 64) {
        vec v[4], w[4], x[4], product[4], quotient[4];
        for (int p = 0; p < 4; p++) /* 16 and 32 positions back, 16 and 32 bits to the left */
            x[p] = XOR3(LOAD(two[p] + at), LOAD(two[p ^ 2] + at - 16), LOAD(two[p] + at - 32));
        join(v, x);
        vec before = preceding(v, &last_v);
        for (int q = 0; q < 4; before = v[q++]) /* 4 positions back */
            w[q] = _mm512_xor_si512(v[q], _mm512_rol_epi32(before, 4));
        before = preceding(w, &last_w);
        for (int q = 0; q < 4; before = w[q++]) /* 2 */
            x[q] = _mm512_xor_si512(
                w[q], _mm512_rol_epi32(_mm512_alignr_epi8(w[q], before, 8), 2));
        before = preceding(x, &last_x);
        for (int q = 0; q < 4; before = x[q++]) { /* 1, and all bits turned over (xnor) */
            const vec back = _mm512_rol_epi32(_mm512_alignr_epi8(x[q], before, 12), 1);
            const vec not_h = _mm512_ternarylogic_epi64(x[q], back, back, 0xc3);
            product[q] = _mm512_mullo_epi32(not_h, factor);
            quotient[q] = _mm512_rorv_epi32(product[q], shift);
        }
        if (at == BEFORE)
            continue;
        uint64_t found = 0;
        const vec least = _mm512_min_epu32(_mm512_min_epu32(quotient[0], quotient[1]),
                                           _mm512_min_epu32(quotient[2], quotient[3]));
        if (_mm512_cmple_epu32_mask(least, coarse)) {
            for (int q = 0; q < 4; q++)
                quotient[q] = _mm512_rorv_epi32(_mm512_sub_epi32(product[q], excess), shift);
            found = at_most(quotient, limit);
            any |= found != 0;
        }
        hits[(at - FIRST) / 64] = found;
    }
    return any;
}
#endif

/* Find candidates from the end `first` on, as long as out has room for a whole block of them.
 * Returns how many; *next is the first end that was not looked at. */
static Py_ssize_t search_blocks(hash_block *hash, const struct search *s, const uint8_t *data,
                                Py_ssize_t size, Py_ssize_t first, int64_t *out, Py_ssize_t room,
                                Py_ssize_t *next)
{
    Py_ssize_t count = 0, end = first < WINDOW ? WINDOW : first;
    for (; end <= size && room - count >= BLOCK; end += BLOCK) {
        uint8_t rest[LEAD + BLOCK];
        uint64_t hits[WORDS];
        const Py_ssize_t left = size - (end - 1);
        const uint8_t *newest = data + (end - 1);
        if (left < BLOCK) {
            memset(rest, 0, sizeof rest);
            memcpy(rest, newest - LEAD, (size_t)(LEAD + left));
            newest = rest + LEAD;
        }
        if (!hash(newest, s, hits))
            continue;
        for (int word = 0; word < WORDS; word++) {
            for (uint64_t bits = hits[word]; bits; bits &= bits - 1) {
                const int64_t at = end + 64 * word + __builtin_ctzll(bits);
                if (at <= size) /* not in the zeros that fill up the last block */
                    out[count++] = at;
            }
        }
    }
    *next = end > size ? size + 1 : end;
    return count;
}

/* ---------------------------------------------------------------- SHA-512/256 */

enum {
    LANES = 8,
    SHA_BLOCK = 128,
    DIGEST = 32,
    BATCH = 64 /* messages a call */
};

#if HAVE_AVX512
static const uint64_t ROUND[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static const uint64_t START[8] = {
    0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
    0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

/* 64 bytes of each message to 8 vectors, each of one word of all messages. */
AVX512 INLINE void transpose(vec w[8], const uint8_t *const at[LANES], size_t offset)
{
    const vec big_endian = _mm512_broadcast_i32x4(
        _mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607));
    vec row[8], pair[2][4];
    for (int i = 0; i < 8; i++)
        row[i] = _mm512_shuffle_epi8(LOAD(at[i] + offset), big_endian);
    for (int i = 0; i < 4; i++) {
        pair[0][i] = _mm512_unpacklo_epi64(row[2 * i], row[2 * i + 1]);
        pair[1][i] = _mm512_unpackhi_epi64(row[2 * i], row[2 * i + 1]);
    }
    for (int odd = 0; odd < 2; odd++) {
        const vec *p = pair[odd];
        const vec low01 = _mm512_shuffle_i64x2(p[0], p[1], 0x44);
        const vec low23 = _mm512_shuffle_i64x2(p[2], p[3], 0x44);
        const vec high01 = _mm512_shuffle_i64x2(p[0], p[1], 0xee);
        const vec high23 = _mm512_shuffle_i64x2(p[2], p[3], 0xee);
        w[0 + odd] = _mm512_shuffle_i64x2(low01, low23, 0x88);
        w[2 + odd] = _mm512_shuffle_i64x2(low01, low23, 0xdd);
        w[4 + odd] = _mm512_shuffle_i64x2(high01, high23, 0x88);
        w[6 + odd] = _mm512_shuffle_i64x2(high01, high23, 0xdd);
    }
}

#define ADD(a, b) _mm512_add_epi64((a), (b))
#define ROR(x, n) _mm512_ror_epi64((x), (n))
#define CHOOSE(e, f, g) _mm512_ternarylogic_epi64((e), (f), (g), 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi64((a), (b), (c), 0xe8)

#define STEP(a, b, c, d, e, f, g, h, i)                                                    \
    do {                                                                                   \
        vec t = ADD(h, ADD(w[i], _mm512_set1_epi64((long long)ROUND[round + (i)])));       \
        t = ADD(ADD(t, CHOOSE(e, f, g)), XOR3(ROR(e, 14), ROR(e, 18), ROR(e, 41)));        \
        d = ADD(d, t);                                                                     \
        h = ADD(ADD(t, MAJORITY(a, b, c)), XOR3(ROR(a, 28), ROR(a, 34), ROR(a, 39)));      \
    } while (0)

/* A step, then the same word of the next 16 rounds. */
#define STEP_ON(a, b, c, d, e, f, g, h, i)                                                 \
    do {                                                                                   \
        STEP(a, b, c, d, e, f, g, h, i);                                                   \
        const vec x = w[((i) + 1) & 15], y = w[((i) + 14) & 15];                           \
        const vec sums = ADD(XOR3(ROR(x, 1), ROR(x, 8), _mm512_srli_epi64(x, 7)),          \
                             XOR3(ROR(y, 19), ROR(y, 61), _mm512_srli_epi64(y, 6)));       \
        w[i] = ADD(ADD(w[i], w[((i) + 9) & 15]), sums);                                    \
    } while (0)

#define EIGHT(STEP, i)                                                                     \
    STEP(a, b, c, d, e, f, g, h, i);                                                       \
    STEP(h, a, b, c, d, e, f, g, i + 1);                                                   \
    STEP(g, h, a, b, c, d, e, f, i + 2);                                                   \
    STEP(f, g, h, a, b, c, d, e, i + 3);                                                   \
    STEP(e, f, g, h, a, b, c, d, i + 4);                                                   \
    STEP(d, e, f, g, h, a, b, c, i + 5);                                                   \
    STEP(c, d, e, f, g, h, a, b, i + 6);                                                   \
    STEP(b, c, d, e, f, g, h, a, i + 7)

/* Take `blocks` blocks of each message into state[word][lane]. */
AVX512 static void compress(uint64_t state[8][LANES], const uint8_t *const at[LANES],
                            size_t blocks)
{
    vec s[8];
    for (int i = 0; i < 8; i++)
        s[i] = LOAD(state[i]);
    for (size_t offset = 0; offset < blocks * SHA_BLOCK; offset += SHA_BLOCK) {
        vec w[16], a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
        transpose(w, at, offset);
        transpose(w + 8, at, offset + 64);
        int round = 0;
        for (; round < 64; round += 16) {
            EIGHT(STEP_ON, 0);
            EIGHT(STEP_ON, 8);
        }
        EIGHT(STEP, 0);
        EIGHT(STEP, 8);
        s[0] = ADD(s[0], a), s[1] = ADD(s[1], b), s[2] = ADD(s[2], c), s[3] = ADD(s[3], d);
        s[4] = ADD(s[4], e), s[5] = ADD(s[5], f), s[6] = ADD(s[6], g), s[7] = ADD(s[7], h);
    }
    for (int i = 0; i < 8; i++)
        STORE(state[i], s[i]);
}

/* One message on its way: whole blocks where they lie, then one or two of padding. */
struct lane {
    int message; /* or NONE */
    const uint8_t *at;
    size_t blocks, padding_blocks; /* still to take */
    uint8_t padding[2 * SHA_BLOCK];
};
enum { NONE = -1 };

static void start(struct lane *lane, int message, const uint8_t *data, size_t size)
{
    const size_t rest = size % SHA_BLOCK;
    lane->message = message;
    lane->at = data;
    lane->blocks = size / SHA_BLOCK;
    lane->padding_blocks = rest < SHA_BLOCK - 16 ? 1 : 2;
    memset(lane->padding, 0, sizeof lane->padding);
    if (rest)
        memcpy(lane->padding, data + (size - rest), rest);
    lane->padding[rest] = 0x80;
    uint8_t *last = lane->padding + lane->padding_blocks * SHA_BLOCK - 1;
    for (uint64_t bits = (uint64_t)size * 8; bits; bits >>= 8) /* sizes stay far below 2**61 */
        *last-- = (uint8_t)bits;
}

/* A lane whose message has ended takes the next one, so that lengths may differ. */
static void digest_all(const Py_buffer *messages, int count, uint8_t *out)
{
    uint64_t state[8][LANES] = {{0}};
    struct lane lanes[LANES];
    int begun = 0;
    for (int i = 0; i < LANES; i++)
        lanes[i].message = NONE, lanes[i].blocks = lanes[i].padding_blocks = 0;
    for (;;) {
        const uint8_t *at[LANES];
        const struct lane *shortest = NULL;
        for (int i = 0; i < LANES; i++) {
            struct lane *lane = &lanes[i];
            if (lane->message != NONE && !lane->blocks && !lane->padding_blocks) {
                for (int byte = 0; byte < DIGEST; byte++)
                    out[DIGEST * lane->message + byte] =
                        (uint8_t)(state[byte / 8][i] >> (56 - 8 * (byte % 8)));
                lane->message = NONE;
            }
            if (lane->message == NONE && begun < count) {
                start(lane, begun, messages[begun].buf, (size_t)messages[begun].len);
                begun++;
                for (int word = 0; word < 8; word++)
                    state[word][i] = START[word];
            }
            if (!lane->blocks && lane->padding_blocks) {
                lane->at = lane->padding;
                lane->blocks = lane->padding_blocks;
                lane->padding_blocks = 0;
            }
            if (lane->blocks && (!shortest || lane->blocks < shortest->blocks))
                shortest = lane;
        }
        if (!shortest)
            return;
        const size_t blocks = shortest->blocks;
        for (int i = 0; i < LANES; i++) /* one that has no message takes another's bytes */
            at[i] = lanes[i].blocks ? lanes[i].at : shortest->at;
        compress(state, at, blocks);
        for (int i = 0; i < LANES; i++) {
            if (lanes[i].blocks) {
                lanes[i].at += blocks * SHA_BLOCK;
                lanes[i].blocks -= blocks;
            }
        }
    }
}
#endif

/* ---------------------------------------------------------------- SipHash-2-4 */

#define ROTL64(x, n) ((x) << (n) | (x) >> (64 - (n)))

static void sip_rounds(uint64_t v[4], int rounds)
{
    while (rounds--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = ROTL64(v[1], 13) ^ v[0];
        v[3] = ROTL64(v[3], 16) ^ v[2];
        v[0] = ROTL64(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = ROTL64(v[1], 17) ^ v[2];
        v[3] = ROTL64(v[3], 21) ^ v[0];
        v[2] = ROTL64(v[2], 32);
    }
}

static uint64_t sip_hash(const uint8_t *data, size_t size, uint64_t k0, uint64_t k1)
{
    uint64_t v[4] = {
        k0 ^ UINT64_C(0x736F6D6570736575),
        k1 ^ UINT64_C(0x646F72616E646F6D),
        k0 ^ UINT64_C(0x6C7967656E657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };
    /* Words of eight bytes, the lowest first; the last has the size in its highest byte. */
    for (size_t at = 0; at <= size; at += 8) {
        const size_t there = size - at < 8 ? size - at : 8;
        uint64_t word = there < 8 ? (uint64_t)size << 56 : 0;
        for (size_t i = 0; i < there; i++)
            word |= (uint64_t)data[at + i] << (8 * i);
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    v[2] ^= 0xFF;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---------------------------------------------------------------- the module */

static bool has_lanes(void)
{
#if HAVE_AVX512
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
#else
    return false;
#endif
}

static bool has_vbmi(void)
{
#if HAVE_AVX512
    return has_lanes() && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/* (data, table, discriminator, first, out) -> (count, next); see _kernel.pyi */
static PyObject *candidates_with(hash_block *hash, PyObject *args)
{
    Py_buffer data, table, out;
    long long discriminator;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(args, "y*y*Lnw*", &data, &table, &discriminator, &first, &out))
        return NULL;

    PyObject *result = NULL;
    struct search s;
    const Py_ssize_t room = out.len / (Py_ssize_t)sizeof(int64_t);
    if (table.len != sizeof s.table) {
        PyErr_SetString(PyExc_ValueError, "the table does not have 256 words of 32 bits");
    } else if (discriminator < 1 || discriminator > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "discriminator %lld is not in 1..%lld", discriminator,
                     (long long)UINT32_MAX);
    } else if (room < BLOCK || (uintptr_t)out.buf % sizeof(int64_t)) {
        PyErr_Format(PyExc_ValueError, "out does not have room for %d aligned words of 64 bits",
                     BLOCK);
    } else {
        Py_ssize_t count, next;
        Py_BEGIN_ALLOW_THREADS
        prepare(&s, table.buf, (uint32_t)discriminator);
        count = search_blocks(hash, &s, data.buf, data.len, first, out.buf, room, &next);
        Py_END_ALLOW_THREADS
        result = Py_BuildValue("nn", count, next);
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&table);
    PyBuffer_Release(&out);
    return result;
}

static PyObject *candidates(PyObject *module, PyObject *args)
{
    (void)module;
#if HAVE_AVX512
    if (has_vbmi())
        return candidates_with(hash_block_vbmi, args);
#endif
    return candidates_with(hash_block_any, args);
}

static PyObject *candidates_any(PyObject *module, PyObject *args)
{
    (void)module;
    return candidates_with(hash_block_any, args);
}

/* (messages) -> digests; see _kernel.pyi */
static PyObject *sha512_256(PyObject *module, PyObject *messages)
{
    (void)module;
    if (!has_lanes()) {
        PyErr_SetString(PyExc_NotImplementedError, "this processor has no AVX-512");
        return NULL;
    }
#if HAVE_AVX512
    const Py_ssize_t count = PySequence_Size(messages);
    if (count < 0)
        return NULL;
    if (count > BATCH)
        return PyErr_Format(PyExc_ValueError, "%zd messages are more than %d", count, BATCH);

    Py_buffer views[BATCH];
    Py_ssize_t held = 0;
    PyObject *result = PyBytes_FromStringAndSize(NULL, DIGEST * count);
    while (result && held < count) {
        PyObject *message = PySequence_GetItem(messages, held);
        if (!message || PyObject_GetBuffer(message, &views[held], PyBUF_SIMPLE) < 0)
            Py_CLEAR(result);
        else
            held++;
        Py_XDECREF(message); /* the view holds it */
    }
    if (result) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        digest_all(views, (int)count, out);
        Py_END_ALLOW_THREADS
    }
    while (held)
        PyBuffer_Release(&views[--held]);
    return result;
#else
    (void)messages;
    return NULL;
#endif
}

/* (data, k0, k1) -> hash; see _kernel.pyi */
static PyObject *siphash(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer data;
    unsigned long long k0, k1;
    if (!PyArg_ParseTuple(args, "y*KK", &data, &k0, &k1))
        return NULL;
    const uint64_t hash = sip_hash(data.buf, (size_t)data.len, k0, k1);
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLongLong(hash);
}

static PyMethodDef methods[] = {
    {"candidates", candidates, METH_VARARGS, NULL},
    {"candidates_any", candidates_any, METH_VARARGS, NULL},
    {"sha512_256", sha512_256, METH_O, NULL},
    {"siphash", siphash, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_constants(PyObject *module)
{
    return PyModule_AddIntConstant(module, "BLOCK", BLOCK) < 0 ||
                   PyModule_AddIntConstant(module, "BATCH", BATCH) < 0 ||
                   PyModule_AddIntConstant(module, "LANES", has_lanes() ? LANES : 0) < 0 ||
                   PyModule_AddIntConstant(module, "VBMI", has_vbmi()) < 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_constants},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "desync_jobs.core._kernel",
    .m_doc = "Cut candidates, SHA-512/256 of many messages at once, and SipHash-2-4.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
