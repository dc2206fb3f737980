// Matrix and conversion instructions of Hopper (sm_90a), a kernel for each, which
// compare_with_chip.py calls through ctypes.
//
// Operands are rows of 32-bit words: A is (m, words) and B is (n, words), both with k contiguous. An
// instruction takes 8 words of each row at a time (4 in the short shapes), and c goes from one to
// the next. Where operands lie in registers is the same in bytes for all types (the PTX ISA's
// figures of fragments for mma and wgmma), so that the kernels differ in the instruction alone.
//
// Names: mma is mma.sync, wg is wgmma with A in registers and B in shared memory; 44, 45, 54 and 55
// are E4M3 and E5M2 for A and B; the last part is the type of results. Conversions are named by
// the result and the rounding, or by the result and the operand.
#include <cuda_runtime.h>
#include <cstdint>
#include <cstdio>

typedef uint32_t u32;
typedef uint64_t u64;

// ---------------------------------------------------------------- mma.sync

#define MMA8_F32(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int words = 8, outs = 4;                                                     \
    static __device__ void run(u32 *d, const u32 *a, const u32 *b, int) {                         \
      asm volatile(TEXT " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                  \
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));           \
    }                                                                                             \
  };
#define MMA8_F16(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int words = 8, outs = 2;                                                     \
    static __device__ void run(u32 *d, const u32 *a, const u32 *b, int) {                         \
      asm volatile(TEXT " {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"                              \
                   : "+r"(d[0]), "+r"(d[1])                                                       \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));           \
    }                                                                                             \
  };
#define MMA4_F32(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int words = 4, outs = 4;                                                     \
    static __device__ void run(u32 *d, const u32 *a, const u32 *b, int) {                         \
      asm volatile(TEXT " {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"                           \
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                               \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                            \
    }                                                                                             \
  };
#define MMA4_F16(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int words = 4, outs = 2;                                                     \
    static __device__ void run(u32 *d, const u32 *a, const u32 *b, int) {                         \
      asm volatile(TEXT " {%0,%1}, {%2,%3}, {%4}, {%0,%1};"                                       \
                   : "+r"(d[0]), "+r"(d[1])                                                       \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                            \
    }                                                                                             \
  };

MMA8_F32(mma_f16_f32, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32")
MMA8_F16(mma_f16_f16, "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16")
MMA8_F32(mma_bf16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")
MMA8_F32(mma_tf32, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32")
MMA8_F32(mma_44_f32, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32")
MMA8_F32(mma_45_f32, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32")
MMA8_F32(mma_54_f32, "mma.sync.aligned.m16n8k32.row.col.f32.e5m2.e4m3.f32")
MMA8_F32(mma_55_f32, "mma.sync.aligned.m16n8k32.row.col.f32.e5m2.e5m2.f32")
MMA8_F16(mma_44_f16, "mma.sync.aligned.m16n8k32.row.col.f16.e4m3.e4m3.f16")
MMA8_F16(mma_45_f16, "mma.sync.aligned.m16n8k32.row.col.f16.e4m3.e5m2.f16")
MMA8_F16(mma_54_f16, "mma.sync.aligned.m16n8k32.row.col.f16.e5m2.e4m3.f16")
MMA8_F16(mma_55_f16, "mma.sync.aligned.m16n8k32.row.col.f16.e5m2.e5m2.f16")
MMA4_F32(mma_short_f16_f32, "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32")
MMA4_F16(mma_short_f16_f16, "mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16")
MMA4_F32(mma_short_bf16, "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32")
MMA4_F32(mma_short_tf32, "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32")
MMA4_F32(mma_short_44_f32, "mma.sync.aligned.m16n8k16.row.col.f32.e4m3.e4m3.f32")
MMA4_F32(mma_short_55_f32, "mma.sync.aligned.m16n8k16.row.col.f32.e5m2.e5m2.f32")
MMA4_F16(mma_short_44_f16, "mma.sync.aligned.m16n8k16.row.col.f16.e4m3.e4m3.f16")
MMA4_F16(mma_short_55_f16, "mma.sync.aligned.m16n8k16.row.col.f16.e5m2.e5m2.f16")

// ---------------------------------------------------------------- wgmma

#define WG_F32(NAME, TYPES, TAIL)                                                                 \
  struct NAME {                                                                                   \
    static constexpr int outs = 4;                                                                \
    static __device__ void run(u32 *d, const u32 *a, u64 desc, int scale_d) {                     \
      float e[4];                                                                                 \
      for (int i = 0; i < 4; ++i) e[i] = __uint_as_float(d[i]);                                   \
      asm volatile("{ .reg .pred p; setp.ne.b32 p, %9, 0;\n"                                      \
                   "wgmma.mma_async.sync.aligned." TYPES                                          \
                   " {%0,%1,%2,%3}, {%4,%5,%6,%7}, %8, p, 1, 1" TAIL ";\n}"                       \
                   : "+f"(e[0]), "+f"(e[1]), "+f"(e[2]), "+f"(e[3])                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(desc), "r"(scale_d)          \
                   : "memory");                                                                   \
      asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;"           \
                   : "+f"(e[0]), "+f"(e[1]), "+f"(e[2]), "+f"(e[3])::"memory");                   \
      for (int i = 0; i < 4; ++i) d[i] = __float_as_uint(e[i]);                                   \
    }                                                                                             \
  };
#define WG_F16(NAME, TYPES, TAIL)                                                                 \
  struct NAME {                                                                                   \
    static constexpr int outs = 2;                                                                \
    static __device__ void run(u32 *d, const u32 *a, u64 desc, int scale_d) {                     \
      asm volatile("{ .reg .pred p; setp.ne.b32 p, %7, 0;\n"                                      \
                   "wgmma.mma_async.sync.aligned." TYPES                                          \
                   " {%0,%1}, {%2,%3,%4,%5}, %6, p, 1, 1" TAIL ";\n}"                             \
                   : "+r"(d[0]), "+r"(d[1])                                                       \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(desc), "r"(scale_d)          \
                   : "memory");                                                                   \
      asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;"           \
                   : "+r"(d[0]), "+r"(d[1])::"memory");                                           \
    }                                                                                             \
  };

WG_F32(wg_f16_f32, "m64n8k16.f32.f16.f16", ", 0")
WG_F16(wg_f16_f16, "m64n8k16.f16.f16.f16", ", 0")
WG_F32(wg_bf16, "m64n8k16.f32.bf16.bf16", ", 0")
WG_F32(wg_tf32, "m64n8k8.f32.tf32.tf32", "")
WG_F32(wg_44_f32, "m64n8k32.f32.e4m3.e4m3", "")
WG_F32(wg_45_f32, "m64n8k32.f32.e4m3.e5m2", "")
WG_F32(wg_54_f32, "m64n8k32.f32.e5m2.e4m3", "")
WG_F32(wg_55_f32, "m64n8k32.f32.e5m2.e5m2", "")
WG_F16(wg_44_f16, "m64n8k32.f16.e4m3.e4m3", "")
WG_F16(wg_45_f16, "m64n8k32.f16.e4m3.e5m2", "")
WG_F16(wg_54_f16, "m64n8k32.f16.e5m2.e4m3", "")
WG_F16(wg_55_f16, "m64n8k32.f16.e5m2.e5m2", "")

// ---------------------------------------------------------------- accumulators in memory

template <int OUTS>
__device__ void load_c(u32 *d, const void *c, int row, int col, int n) {
  if constexpr (OUTS == 4) {
    const u32 *p = (const u32 *)c;
    d[0] = p[(size_t)row * n + col], d[1] = p[(size_t)row * n + col + 1];
    d[2] = p[(size_t)(row + 8) * n + col], d[3] = p[(size_t)(row + 8) * n + col + 1];
  } else {
    const uint16_t *p = (const uint16_t *)c;
    d[0] = *(const u32 *)(p + (size_t)row * n + col);
    d[1] = *(const u32 *)(p + (size_t)(row + 8) * n + col);
  }
}

template <int OUTS>
__device__ void store_d(const u32 *d, void *out, int row, int col, int n) {
  if constexpr (OUTS == 4) {
    u32 *p = (u32 *)out;
    p[(size_t)row * n + col] = d[0], p[(size_t)row * n + col + 1] = d[1];
    p[(size_t)(row + 8) * n + col] = d[2], p[(size_t)(row + 8) * n + col + 1] = d[3];
  } else {
    uint16_t *p = (uint16_t *)out;
    *(u32 *)(p + (size_t)row * n + col) = d[0];
    *(u32 *)(p + (size_t)(row + 8) * n + col) = d[1];
  }
}

// One warp, 16 rows by 8 columns.
template <class I>
__global__ void mma_kernel(const u32 *a, const u32 *b, const void *c, void *out, int n, int words,
                           int scale_d) {
  int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  int row = blockIdx.y * 16 + g, first = blockIdx.x * 8;
  u32 d[4];
  load_c<I::outs>(d, c, row, first + 2 * t, n);
  for (int k = 0; k < words; k += I::words) {
    const u32 *upper = a + (size_t)row * words + k, *lower = upper + (size_t)8 * words;
    const u32 *column = b + (size_t)(first + g) * words + k;
    u32 fa[4], fb[2];
    fa[0] = upper[t], fa[1] = lower[t], fb[0] = column[t];
    if (I::words == 8) fa[2] = upper[t + 4], fa[3] = lower[t + 4], fb[1] = column[t + 4];
    I::run(d, fa, fb, scale_d);
  }
  store_d<I::outs>(d, out, row, first + 2 * t, n);
}

// One warpgroup, 64 rows by 8 columns; B goes through shared memory as two core matrices of 8 rows
// of 16 bytes, without a swizzle.
template <class I>
__global__ void __launch_bounds__(128, 1)
    wg_kernel(const u32 *a, const u32 *b, const void *c, void *out, int n, int words, int scale_d) {
  __shared__ alignas(128) u32 tile[64];
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
  int row = blockIdx.y * 64 + warp * 16 + g, first = blockIdx.x * 8;
  u32 d[4];
  load_c<I::outs>(d, c, row, first + 2 * t, n);
  u64 address = (u64)__cvta_generic_to_shared(tile);
  u64 desc = ((address & 0x3ffff) >> 4) | ((u64)(128 >> 4) << 16) | ((u64)(128 >> 4) << 32);
  for (int k = 0; k < words; k += 8) {
    __syncthreads();
    if (threadIdx.x < 64) {
      int column = threadIdx.x >> 3, word = threadIdx.x & 7;
      tile[(word >> 2) * 32 + column * 4 + (word & 3)] = b[(size_t)(first + column) * words + k + word];
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    const u32 *upper = a + (size_t)row * words + k, *lower = upper + (size_t)8 * words;
    u32 fa[4] = {upper[t], lower[t], upper[t + 4], lower[t + 4]};
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    I::run(d, fa, desc, scale_d);
  }
  store_d<I::outs>(d, out, row, first + 2 * t, n);
}

// ---------------------------------------------------------------- the table of instructions

struct Entry {
  const char *name;
  void (*kernel)(const u32 *, const u32 *, const void *, void *, int, int, int);
  int rows, words, out_bytes;
};
#define MMA(NAME) {#NAME, mma_kernel<NAME>, 16, NAME::words, NAME::outs == 4 ? 4 : 2}
#define WG(NAME) {#NAME, wg_kernel<NAME>, 64, 8, NAME::outs == 4 ? 4 : 2}

static const Entry entries[] = {
    MMA(mma_f16_f32), MMA(mma_f16_f16), MMA(mma_bf16), MMA(mma_tf32), MMA(mma_44_f32),
    MMA(mma_45_f32), MMA(mma_54_f32), MMA(mma_55_f32), MMA(mma_44_f16), MMA(mma_45_f16),
    MMA(mma_54_f16), MMA(mma_55_f16), MMA(mma_short_f16_f32), MMA(mma_short_f16_f16),
    MMA(mma_short_bf16), MMA(mma_short_tf32), MMA(mma_short_44_f32), MMA(mma_short_55_f32),
    MMA(mma_short_44_f16), MMA(mma_short_55_f16), WG(wg_f16_f32), WG(wg_f16_f16), WG(wg_bf16),
    WG(wg_tf32), WG(wg_44_f32), WG(wg_45_f32), WG(wg_54_f32), WG(wg_55_f32), WG(wg_44_f16),
    WG(wg_45_f16), WG(wg_54_f16), WG(wg_55_f16),
};
static const int entry_count = sizeof(entries) / sizeof(entries[0]);

static char message[512];
static bool failed(cudaError_t e, const char *where) {
  if (e == cudaSuccess) return false;
  snprintf(message, sizeof(message), "%s: %s", where, cudaGetErrorString(e));
  return true;
}
#define TRY(CALL) \
  if (failed(CALL, #CALL)) return 1;

struct Buffer {
  void *at = nullptr;
  size_t size = 0;
  cudaError_t reserve(size_t bytes) {
    if (bytes <= size) return cudaSuccess;
    if (at) cudaFree(at);
    at = nullptr, size = 0;
    cudaError_t e = cudaMalloc(&at, bytes);
    if (e == cudaSuccess) size = bytes;
    return e;
  }
};
static Buffer buffer_a, buffer_b, buffer_c, buffer_d;

// ---------------------------------------------------------------- conversions

__device__ __forceinline__ float f(u32 x) { return __uint_as_float(x); }

#define CVT_TO16(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int bytes = 2;                                                               \
    static __device__ u32 run(u32 x) {                                                            \
      uint16_t d;                                                                                 \
      asm volatile(TEXT " %0, %1;" : "=h"(d) : "f"(f(x)));                                        \
      return d;                                                                                   \
    }                                                                                             \
  };
#define CVT_TO32(NAME, TEXT)                                                                      \
  struct NAME {                                                                                   \
    static constexpr int bytes = 4;                                                               \
    static __device__ u32 run(u32 x) {                                                            \
      u32 d;                                                                                      \
      asm volatile(TEXT " %0, %1;" : "=r"(d) : "f"(f(x)));                                        \
      return d;                                                                                   \
    }                                                                                             \
  };
// These convert two numbers at once. The input has to give the same byte above and below, beside a
// zero; if not, 0xee is told.
#define CVT_TO8(NAME, TEXT)                                                                       \
  struct NAME {                                                                                   \
    static constexpr int bytes = 1;                                                               \
    static __device__ u32 run(u32 x) {                                                            \
      uint16_t d, e;                                                                              \
      asm volatile(TEXT " %0, %1, %2;" : "=h"(d) : "f"(0.0f), "f"(f(x)));                         \
      asm volatile(TEXT " %0, %1, %2;" : "=h"(e) : "f"(f(x)), "f"(0.0f));                         \
      return (e >> 8) == (d & 255) ? (d & 255) : 0xee;                                            \
    }                                                                                             \
  };
#define CVT_HALF_TO8(NAME, TEXT)                                                                  \
  struct NAME {                                                                                   \
    static constexpr int bytes = 1;                                                               \
    static __device__ u32 run(u32 x) {                                                            \
      uint16_t d;                                                                                 \
      asm volatile(TEXT " %0, %1;" : "=h"(d) : "r"(x & 0xffff));                                  \
      return d & 255;                                                                             \
    }                                                                                             \
  };
#define CVT_8_TO_HALF(NAME, TEXT)                                                                 \
  struct NAME {                                                                                   \
    static constexpr int bytes = 2;                                                               \
    static __device__ u32 run(u32 x) {                                                            \
      u32 d;                                                                                      \
      uint16_t code = x & 255;                                                                    \
      asm volatile(TEXT " %0, %1;" : "=r"(d) : "h"(code));                                        \
      return d & 0xffff;                                                                          \
    }                                                                                             \
  };
#define CVT_TO_INT(NAME, TEXT, BYTES)                                                             \
  struct NAME {                                                                                   \
    static constexpr int bytes = BYTES;                                                           \
    static __device__ u32 run(u32 x) {                                                            \
      u32 d;                                                                                      \
      asm volatile(TEXT " %0, %1;" : "=r"(d) : "f"(f(x)));                                        \
      return d;                                                                                   \
    }                                                                                             \
  };

CVT_TO8(e4m3_f32, "cvt.rn.satfinite.e4m3x2.f32")
CVT_TO8(e5m2_f32, "cvt.rn.satfinite.e5m2x2.f32")
CVT_TO16(f16_rn, "cvt.rn.f16.f32")
CVT_TO16(f16_rz, "cvt.rz.f16.f32")
CVT_TO16(f16_rn_satfinite, "cvt.rn.satfinite.f16.f32")
CVT_TO16(bf16_rn, "cvt.rn.bf16.f32")
CVT_TO16(bf16_rz, "cvt.rz.bf16.f32")
CVT_TO16(bf16_rn_satfinite, "cvt.rn.satfinite.bf16.f32")
CVT_TO32(tf32_rna, "cvt.rna.tf32.f32")
CVT_TO32(tf32_rn, "cvt.rn.tf32.f32")
CVT_TO32(tf32_rz, "cvt.rz.tf32.f32")
CVT_TO32(tf32_rna_satfinite, "cvt.rna.satfinite.tf32.f32")
CVT_HALF_TO8(e4m3_f16, "cvt.rn.satfinite.e4m3x2.f16x2")
CVT_HALF_TO8(e5m2_f16, "cvt.rn.satfinite.e5m2x2.f16x2")
CVT_8_TO_HALF(f16_e4m3, "cvt.rn.f16x2.e4m3x2")
CVT_8_TO_HALF(f16_e5m2, "cvt.rn.f16x2.e5m2x2")
CVT_TO_INT(s8_rni_sat, "cvt.rni.sat.s8.f32", 1)
CVT_TO_INT(u8_rni_sat, "cvt.rni.sat.u8.f32", 1)
CVT_TO_INT(s8_rzi_sat, "cvt.rzi.sat.s8.f32", 1)

template <class I>
__global__ void cvt_kernel(u64 start, u64 count, void *out) {
  u64 stride = (u64)gridDim.x * blockDim.x;
  for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    u32 d = I::run((u32)(start + i));
    if (I::bytes == 1) ((uint8_t *)out)[i] = d;
    if (I::bytes == 2) ((uint16_t *)out)[i] = d;
    if (I::bytes == 4) ((u32 *)out)[i] = d;
  }
}

struct Conversion {
  const char *name;
  void (*kernel)(u64, u64, void *);
  int bytes;
};
#define CVT(NAME) {#NAME, cvt_kernel<NAME>, NAME::bytes}
static const Conversion conversions[] = {
    CVT(e4m3_f32), CVT(e5m2_f32), CVT(f16_rn), CVT(f16_rz), CVT(f16_rn_satfinite), CVT(bf16_rn),
    CVT(bf16_rz), CVT(bf16_rn_satfinite), CVT(tf32_rna), CVT(tf32_rn), CVT(tf32_rz),
    CVT(tf32_rna_satfinite), CVT(e4m3_f16), CVT(e5m2_f16), CVT(f16_e4m3), CVT(f16_e5m2),
    CVT(s8_rni_sat), CVT(u8_rni_sat), CVT(s8_rzi_sat),
};
static const int conversion_count = sizeof(conversions) / sizeof(conversions[0]);

extern "C" {

const char *chip_message() { return message; }
const char *mm_name(int id) { return id < entry_count ? entries[id].name : nullptr; }
const char *cvt_name(int id) { return id < conversion_count ? conversions[id].name : nullptr; }

// d = c + a @ b.T, where a row of a and b has so many 32-bit words. m is a multiple of 64 (16 for
// mma.sync), n of 8. wgmma takes no c where scale_d is 0. Not 0 if it failed: see chip_message.
int mm(int id, const void *a, const void *b, const void *c, void *d, int m, int n, int words,
       int scale_d) {
  if (id < 0 || id >= entry_count) return snprintf(message, sizeof(message), "no entry %d", id), 1;
  const Entry &e = entries[id];
  if (m % e.rows || n % 8 || words % e.words)
    return snprintf(message, sizeof(message), "%s: shape %d %d %d", e.name, m, n, words), 1;
  size_t of_a = (size_t)m * words * 4, of_b = (size_t)n * words * 4;
  size_t of_c = (size_t)m * n * e.out_bytes;
  TRY(buffer_a.reserve(of_a));
  TRY(buffer_b.reserve(of_b));
  TRY(buffer_c.reserve(of_c));
  TRY(buffer_d.reserve(of_c));
  TRY(cudaMemcpy(buffer_a.at, a, of_a, cudaMemcpyHostToDevice));
  TRY(cudaMemcpy(buffer_b.at, b, of_b, cudaMemcpyHostToDevice));
  TRY(cudaMemcpy(buffer_c.at, c, of_c, cudaMemcpyHostToDevice));
  TRY(cudaMemset(buffer_d.at, 0xa5, of_c));
  e.kernel<<<dim3(n / 8, m / e.rows), e.rows * 2>>>((u32 *)buffer_a.at, (u32 *)buffer_b.at,
                                                    buffer_c.at, buffer_d.at, n, words, scale_d);
  TRY(cudaGetLastError());
  TRY(cudaMemcpy(d, buffer_d.at, of_c, cudaMemcpyDeviceToHost));
  return 0;
}

// What an instruction makes of start, start + 1, ..., taken for bits of float32 (or for the lower
// bits of a word, where operands are shorter).
int cvt(int id, u64 start, u64 count, void *out) {
  if (id < 0 || id >= conversion_count)
    return snprintf(message, sizeof(message), "no conversion %d", id), 1;
  size_t bytes = count * conversions[id].bytes;
  TRY(buffer_d.reserve(bytes));
  TRY(cudaMemset(buffer_d.at, 0xa5, bytes));
  conversions[id].kernel<<<2048, 256>>>(start, count, buffer_d.at);
  TRY(cudaGetLastError());
  TRY(cudaMemcpy(out, buffer_d.at, bytes, cudaMemcpyDeviceToHost));
  return 0;
}

}  // extern "C"
