/** Programs by what they say of themselves: "qemu-storage-daemon 7.2.22 (…)". */
export const QEMU = /^qemu-/;
export const QEMU_7 = /^qemu-\S+ 7\.2\./;
export const QEMU_10 = /^qemu-\S+ 10\./;
