extension DeviceType {
    /// Types that people have at home and at small sites.
    ///
    /// Every entry names what its maker publishes; the figures are the share of it that inference sustains. "Dense" leaves
    /// out structured sparsity. Memory is what remains beside system, runtime and activations. The shares are estimates;
    /// a device that matters should be measured.
    public static let catalogue: [DeviceType] = boards + computers + graphics

    private static let boards: [DeviceType] = [
        // Raspberry Pi 4 product brief, BCM2711: 4 Cortex-A72 at 1.8 GHz, 8 f32 FLOP a cycle each = 57.6 GFLOP/s, no dot
        // product: 40 %. LPDDR4-3200, 32 bits = 12.8 GB/s: its memory controller gives 35 %.
        DeviceType(
            name: "rpi4-4gb", prefix: "rpi4", flopsPrefill: 23e9, flopsFP16: 18e9, flopsInt8: 23e9,
            memoryBandwidth: 4.5e9, memoryUsableBytes: 2_400_000_000, layerOverheadSeconds: 6e-5, powerWatts: 6,
            wireless: true),
        // Raspberry Pi 5 product brief, BCM2712: 4 Cortex-A76 at 2.4 GHz, 64 int8 operations a cycle each (SDOT) = 614
        // GOP/s: 20 %. LPDDR4X-4267, 32 bits = 17.1 GB/s: 58 %.
        DeviceType(
            name: "rpi5-8gb", prefix: "rpi5", flopsPrefill: 120e9, flopsFP16: 90e9, flopsInt8: 120e9,
            memoryBandwidth: 10e9, memoryUsableBytes: 5_000_000_000, layerOverheadSeconds: 4e-5, powerWatts: 12,
            wireless: true),
        // NVIDIA Jetson Orin Nano data sheet: 20 dense int8 TOPS = 10 TFLOP/s f16: 30 %. LPDDR5, 68 GB/s: 81 %.
        DeviceType(
            name: "jetson-orin-nano-8gb", prefix: "nano", flopsPrefill: 3e12, flopsFP16: 2.5e12, flopsInt8: 3e12,
            memoryBandwidth: 55e9, memoryUsableBytes: 4_500_000_000, layerOverheadSeconds: 1.1e-4, powerWatts: 15,
            wireless: false),
        // NVIDIA Jetson Orin NX data sheet: 1024 cores at 918 MHz, GPU 30 dense int8 TOPS = 15 TFLOP/s f16: 30 %. LPDDR5,
        // 102.4 GB/s: 80 %.
        DeviceType(
            name: "jetson-orin-nx-16gb", prefix: "nx", flopsPrefill: 4.5e12, flopsFP16: 3.8e12, flopsInt8: 4.5e12,
            memoryBandwidth: 82e9, memoryUsableBytes: 11_000_000_000, layerOverheadSeconds: 1e-4, powerWatts: 25,
            wireless: false),
        // NVIDIA Jetson AGX Orin data sheet (32 GB): 1792 cores at 930 MHz, GPU 54 dense int8 TOPS = 27 TFLOP/s f16: 30 %.
        // LPDDR5, 204.8 GB/s: 80 %. The CPU, cameras and other programs share its memory.
        DeviceType(
            name: "jetson-agx-orin-32gb", prefix: "agx", flopsPrefill: 8e12, flopsFP16: 7e12, flopsInt8: 8e12,
            memoryBandwidth: 164e9, memoryUsableBytes: 22_000_000_000, layerOverheadSeconds: 9e-5, powerWatts: 40,
            wireless: false),
    ]

    private static let computers: [DeviceType] = [
        // Apple M2 (10 GPU cores), technical specifications: 3.6 TFLOP/s f32, 100 GB/s unified memory: 65 % and 80 %.
        DeviceType(
            name: "mac-mini-m2-16gb", prefix: "m2", flopsPrefill: 2.3e12, flopsFP16: 2.6e12, flopsInt8: 2.3e12,
            memoryBandwidth: 80e9, memoryUsableBytes: 10_000_000_000, layerOverheadSeconds: 4e-5, powerWatts: 30,
            wireless: false),
        // Apple M1 (8 GPU cores), technical specifications: 2.6 TFLOP/s f32, LPDDR4X-4266, 128 bits = 68.3 GB/s: 58 % and
        // 80 %.
        DeviceType(
            name: "macbook-m1-16gb", prefix: "m1", flopsPrefill: 1.5e12, flopsFP16: 1.7e12, flopsInt8: 1.5e12,
            memoryBandwidth: 54e9, memoryUsableBytes: 9_000_000_000, layerOverheadSeconds: 5e-5, powerWatts: 20,
            wireless: true),
        // Intel N100 specifications: 4 cores up to 3.4 GHz, about 2.9 GHz together; AVX-VNNI 64 int8 operations a cycle each
        // = 740 GOP/s: 20 %. One channel of DDR5-4800 = 38.4 GB/s: 68 %.
        DeviceType(
            name: "n100-mini-pc-16gb", prefix: "n100", flopsPrefill: 150e9, flopsFP16: 80e9, flopsInt8: 150e9,
            memoryBandwidth: 26e9, memoryUsableBytes: 11_000_000_000, layerOverheadSeconds: 3e-5, powerWatts: 15,
            wireless: false),
        // AMD Ryzen 7 5700X specifications: 8 cores, about 4.2 GHz together, AVX2 32 f32 FLOP a cycle each = 1.08 TFLOP/s:
        // 50 % of it with int8 products. Two channels of DDR4-3200 = 51.2 GB/s: 75 %.
        DeviceType(
            name: "ryzen7-desktop-32gb-cpu", prefix: "ryzen", flopsPrefill: 540e9, flopsFP16: 400e9, flopsInt8: 540e9,
            memoryBandwidth: 38e9, memoryUsableBytes: 22_000_000_000, layerOverheadSeconds: 2e-5, powerWatts: 110,
            wireless: false),
    ]

    private static let graphics: [DeviceType] = [
        // NVIDIA GeForce RTX 3060 Laptop, 80 W: 3840 cores at 1.43 GHz, tensor cores 43.8 TFLOP/s f16 dense: 40 %. 336 GB/s:
        // 75 %.
        DeviceType(
            name: "laptop-rtx3060-6gb", prefix: "lap3060", flopsPrefill: 17e12, flopsFP16: 15e12, flopsInt8: 17e12,
            memoryBandwidth: 250e9, memoryUsableBytes: 4_500_000_000, layerOverheadSeconds: 4e-5, powerWatts: 110,
            wireless: true),
        // NVIDIA GA106 (GeForce RTX 3060): 12.7 TFLOP/s f32, tensor cores 51 TFLOP/s f16 dense: 43 %. 360 GB/s: 75 %.
        DeviceType(
            name: "desktop-rtx3060-12gb", prefix: "rtx3060", flopsPrefill: 22e12, flopsFP16: 19e12, flopsInt8: 22e12,
            memoryBandwidth: 270e9, memoryUsableBytes: 10_000_000_000, layerOverheadSeconds: 3.5e-5, powerWatts: 190,
            wireless: false),
        // NVIDIA Ada architecture paper (GeForce RTX 4070): 29.1 TFLOP/s f32, tensor cores 116.5 TFLOP/s f16 dense: 40 %.
        // 504 GB/s: 79 %.
        DeviceType(
            name: "desktop-rtx4070-12gb", prefix: "rtx4070", flopsPrefill: 47e12, flopsFP16: 41e12, flopsInt8: 47e12,
            memoryBandwidth: 400e9, memoryUsableBytes: 10_000_000_000, layerOverheadSeconds: 3e-5, powerWatts: 230,
            wireless: false),
    ]
}
