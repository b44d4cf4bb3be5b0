/* ARM's board MPS2 with the image AN386, a Cortex-M4, as QEMU emulates it: what a program without an operating system needs of it. */
#ifndef MPS2_AN386_H
#define MPS2_AN386_H

#include <stddef.h>
#include <stdint.h>

/* The octets of heap that malloc has. */
#define BOARD_HEAP (128 * 1024)

/* The serial line: frames of a kind, a length in four octets, most significant first, and octets; examples/firmware/src/frame.rs has the
 * kinds. */
void board_put(const void *octets, size_t length);
void board_put_number(uint32_t number);
void board_put_frame(char kind, const void *octets, size_t length);
/* The octets that are received; at most `room`, and 0 when they are more. */
size_t board_get_frame(uint8_t *octets, size_t room);

/* Entropy and seconds since 1970, the emulator's; 0 when it failed. */
int board_entropy(void *octets, size_t length);
uint32_t board_seconds(void);
/* What the factory left in the board's memory, here a file of the emulator's host: how long it is, and 0 when it is not there or longer
 * than `room`. */
size_t board_provisioned(const char *name, void *octets, size_t room);
/* Prints on the emulator's console. */
void board_print(const char *text);

#endif
