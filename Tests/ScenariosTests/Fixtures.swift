/// The files that the tests read, as text.
enum Fixtures {
    /// A GPU desktop, two small boards on 1 GbE and one on Wi-Fi.
    static let fleet = """
        {
         "name": "example-4",
         "title": "example only, not scored",
         "n_devices": 4,
         "jitter": 0.0,
         "seed": 1,
         "gateway": "x-sw",
         "devices": [
          {
           "id": "rtx01",
           "type": "desktop-rtx3060-12gb",
           "site": "x",
           "access": "1gbe",
           "flops_prefill": 22000000000000,
           "flops_fp16": 19000000000000,
           "flops_int8": 22000000000000,
           "mem_bw_Bps": 270000000000,
           "mem_usable_bytes": 5000000000,
           "layer_overhead_s": 3.5e-05,
           "power_w": 190
          },
          {
           "id": "nano01",
           "type": "jetson-orin-nano-8gb",
           "site": "x",
           "access": "1gbe",
           "flops_prefill": 3000000000000,
           "flops_fp16": 2500000000000,
           "flops_int8": 3000000000000,
           "mem_bw_Bps": 55000000000,
           "mem_usable_bytes": 3000000000,
           "layer_overhead_s": 0.00011,
           "power_w": 15
          },
          {
           "id": "nano02",
           "type": "jetson-orin-nano-8gb",
           "site": "x",
           "access": "1gbe",
           "flops_prefill": 3000000000000,
           "flops_fp16": 2500000000000,
           "flops_int8": 3000000000000,
           "mem_bw_Bps": 55000000000,
           "mem_usable_bytes": 3000000000,
           "layer_overhead_s": 0.00011,
           "power_w": 15
          },
          {
           "id": "pi01",
           "type": "rpi5-8gb",
           "site": "x",
           "access": "wifi5",
           "flops_prefill": 120000000000,
           "flops_fp16": 90000000000,
           "flops_int8": 120000000000,
           "mem_bw_Bps": 10000000000,
           "mem_usable_bytes": 2600000000,
           "layer_overhead_s": 4e-05,
           "power_w": 12
          }
         ],
         "network": {
          "nodes": [
           {
            "id": "x-sw",
            "kind": "site switch or router"
           },
           {
            "id": "rtx01",
            "kind": "device"
           },
           {
            "id": "nano01",
            "kind": "device"
           },
           {
            "id": "nano02",
            "kind": "device"
           },
           {
            "id": "pi01",
            "kind": "device"
           }
          ],
          "links": [
           {
            "id": "L-rtx01",
            "a": "rtx01",
            "b": "x-sw",
            "kind": "1gbe",
            "bw_Bps": 117500000.0,
            "lat_s": 0.0002
           },
           {
            "id": "L-nano01",
            "a": "nano01",
            "b": "x-sw",
            "kind": "1gbe",
            "bw_Bps": 117500000.0,
            "lat_s": 0.0002
           },
           {
            "id": "L-nano02",
            "a": "nano02",
            "b": "x-sw",
            "kind": "1gbe",
            "bw_Bps": 117500000.0,
            "lat_s": 0.0002
           },
           {
            "id": "L-pi01",
            "a": "pi01",
            "b": "x-sw",
            "kind": "wifi5",
            "bw_Bps": 25000000.0,
            "lat_s": 0.0025,
            "shared_medium": "x-wifi5-air"
           }
          ],
          "shared_media": [
           {
            "id": "x-wifi5-air",
            "kind": "wifi5 access point",
            "bw_Bps": 31250000.0
           }
          ]
         }
        }
        """

    /// Llama 2 7B in Q4_0.
    static let llama2 = """
        {
         "name": "llama-2-7b-q4",
         "layers": 32,
         "hidden": 4096,
         "ffn": 11008,
         "n_heads": 32,
         "n_kv_heads": 32,
         "head_dim": 128,
         "vocab": 32000,
         "max_context": 4096,
         "quantisation": "Q4_0 layers and embedding, Q6_K output head, f32 norms (GGUF)",
         "params_per_layer": 202375168,
         "bytes_per_layer": 113868800,
         "bytes_embedding": 73728000,
         "bytes_lm_head": 107536384,
         "bytes_total": 3825065984,
         "kv_dtype": "f16",
         "kv_bytes_per_token_per_layer": 16384,
         "kv_bytes_per_token": 524288,
         "activation_bytes_per_token": 8192
        }
        """

    /// Llama 3 8B in Q4_0.
    static let llama3 = """
        {
         "name": "llama-3-8b-q4",
         "layers": 32,
         "hidden": 4096,
         "ffn": 14336,
         "n_heads": 32,
         "n_kv_heads": 8,
         "head_dim": 128,
         "vocab": 128256,
         "max_context": 8192,
         "quantisation": "Q4_0 layers and embedding, Q6_K output head, f32 norms (GGUF)",
         "params_per_layer": 218103808,
         "bytes_per_layer": 122716160,
         "bytes_embedding": 295501824,
         "bytes_lm_head": 430956544,
         "bytes_total": 4653375488,
         "kv_dtype": "f16",
         "kv_bytes_per_token_per_layer": 4096,
         "kv_bytes_per_token": 131072,
         "activation_bytes_per_token": 8192
        }
        """

    /// What the cost model must give for that fleet, by an independent implementation.
    static let conformance = """
        [
         {
          "model": "llama-2-7b-q4",
          "A": [["rtx01", 20], ["nano01", 12]],
          "B": [["nano02", 20], ["pi01", 12]],
          "kv_cap_A": 7761,
          "kv_cap_B": 1980,
          "prefill_A_512": [1.0679351754844102, 0.8407938297018182],
          "prefill_B_64": [2.803779924906667, 2.604991232],
          "decode_A_1_100": 0.03860258592873415,
          "decode_A_8_4096": 0.05822474884401461,
          "decode_B_2_1000": 0.22315701294545454,
          "kv_flows_A_B_512": {
           "rtx01>nano02": 167772160,
           "nano01>pi01": 100663296
          },
          "kv_time_A_B_512": 4.02923184,
          "kv_load_A_B_512": {
           "L-nano02<": 167772160,
           "L-rtx01>": 167772160,
           "L-pi01<": 100663296,
           "x-wifi5-air": 100663296,
           "L-nano01>": 100663296
          },
          "hop_rtx_pi_100": 0.035468
         },
         {
          "model": "llama-3-8b-q4",
          "A": [["rtx01", 20], ["nano01", 12]],
          "B": [["nano02", 20], ["pi01", 12]],
          "kv_cap_A": 22307,
          "kv_cap_B": 3053,
          "prefill_A_512": [1.152881985433501, 0.9110987056872727],
          "prefill_B_64": [3.050870305706667, 2.83865984],
          "decode_A_1_100": 0.04670952152469374,
          "decode_A_8_4096": 0.05198108778542875,
          "decode_B_2_1000": 0.2501191191272727,
          "kv_flows_A_B_512": {
           "rtx01>nano02": 41943040,
           "nano01>pi01": 25165824
          },
          "kv_time_A_B_512": 1.0093329599999998,
          "kv_load_A_B_512": {
           "L-nano02<": 41943040,
           "L-rtx01>": 41943040,
           "L-pi01<": 25165824,
           "x-wifi5-air": 25165824,
           "L-nano01>": 25165824
          },
          "hop_rtx_pi_100": 0.035468
         }
        ]
        """

    /// A few requests.
    static let workload = """
        request_id,t_unit,prompt_tokens,output_tokens
        0,0.000000,254,107
        1,3.047593,256,121
        2,3.047593,268,96
        3,5.984933,254,104
        """

    /// A few rows of the Azure LLM inference trace 2023 (CC-BY; Patel et al., Splitwise, ISCA 2024), one emptied.
    static let trace = """
        TIMESTAMP,ContextTokens,GeneratedTokens
        2023-11-16 18:15:46.6805900,374,44
        2023-11-16 18:15:48.0000000,100,0
        2023-11-16 18:15:50.9951690,396,109
        2023-11-16 18:15:51.2224670,879,55
        """

    /// A plan for the fleet above.
    static let plan = """
        {"example-4/llama-2-7b-q4": {"groups": [
          {"id": "g0", "role": "P", "stages": [["rtx01", 20], ["nano01", 12]]},
          {"id": "g1", "role": "D", "stages": [["nano02", 20], ["pi01", 12]]}
        ]}}
        """
}
