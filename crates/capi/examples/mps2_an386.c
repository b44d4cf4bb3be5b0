#include "mps2_an386.h"

#include <string.h>

/* By the linker script, examples/firmware/link/mps2_an386.ld. */
extern uint32_t stack_top, bss_start, bss_end, data_start, data_end, data_load;

int main(void);
void *_sbrk(ptrdiff_t more);
void reset(void);

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Semihosting: requests to the emulator (ARM's specification, version 2). */
static int host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_READ = 0x06, SYS_FLEN = 0x0c, SYS_TIME = 0x11, SYS_EXIT = 0x18 };

static void leave(int failed)
{
    (void)host(SYS_EXIT, (const void *)(failed ? 0x20023u : 0x20026u));
    for (;;) {
    }
}

static void fault(void)
{
    leave(1);
}

/* The floating point unit, memory, a clock that counts instructions, the serial line; then the program. */
__attribute__((used)) void reset(void)
{
    REGISTER(0xe000ed88) |= 0xf << 20;
    (void)memcpy(&data_start, &data_load, (size_t)((char *)&data_end - (char *)&data_start));
    (void)memset(&bss_start, 0, (size_t)((char *)&bss_end - (char *)&bss_start));
    REGISTER(0xe000e014) = 0x00ffffff;
    REGISTER(0xe000e010) = 5;
    REGISTER(0x40004010) = 16;
    REGISTER(0x40004008) = 3;
    leave(main());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_top, (const void *)reset, (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault,
};

/* What newlib's malloc asks for. */
__attribute__((used)) void *_sbrk(ptrdiff_t more)
{
    static _Alignas(8) char memory[BOARD_HEAP];
    static size_t given;
    if (more < 0 || sizeof memory - given < (size_t)more) {
        return (void *)-1;
    }
    given += (size_t)more;
    return memory + given - more;
}

void board_put(const void *octets, size_t length)
{
    const uint8_t *octet = octets;
    while (length-- > 0) {
        while ((REGISTER(0x40004004) & 1) != 0) {
        }
        REGISTER(0x40004000) = *octet++;
    }
}

static uint8_t get(void)
{
    while ((REGISTER(0x40004004) & 2) == 0) {
    }
    return (uint8_t)REGISTER(0x40004000);
}

void board_put_number(uint32_t number)
{
    const uint8_t octets[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    board_put(octets, sizeof octets);
}

void board_put_frame(char kind, const void *octets, size_t length)
{
    board_put(&kind, 1);
    board_put_number((uint32_t)length);
    board_put(octets, length);
}

size_t board_get_frame(uint8_t *octets, size_t room)
{
    size_t length = 0, place;
    for (place = 0; place < 4; place++) {
        length = length << 8 | get();
    }
    for (place = 0; place < length; place++) {
        uint8_t octet = get();
        if (place < room) {
            octets[place] = octet;
        }
    }
    return length <= room ? length : 0;
}

/* Octets of a file; `whole`: all that it has. */
static size_t read_file(const char *name, void *octets, size_t length, int whole)
{
    const uint32_t open[3] = {(uint32_t)name, 1, (uint32_t)strlen(name)};
    const int file = host(SYS_OPEN, open);
    const uint32_t handle[1] = {(uint32_t)file};
    size_t taken = 0;
    if (file == -1) {
        return 0;
    }
    if (whole) {
        const int has = host(SYS_FLEN, handle);
        length = has > 0 && (size_t)has <= length ? (size_t)has : 0;
    }
    if (length > 0) {
        const uint32_t read[3] = {(uint32_t)file, (uint32_t)octets, (uint32_t)length};
        taken = host(SYS_READ, read) == 0 ? length : 0;
    }
    (void)host(SYS_CLOSE, handle);
    return taken;
}

int board_entropy(void *octets, size_t length)
{
    return read_file("/dev/urandom", octets, length, 0) == length;
}

uint32_t board_seconds(void)
{
    return (uint32_t)host(SYS_TIME, NULL);
}

size_t board_provisioned(const char *name, void *octets, size_t room)
{
    return read_file(name, octets, room, 1);
}

void board_print(const char *text)
{
    (void)host(SYS_WRITE0, text);
}
