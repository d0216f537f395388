"""Each stage and the whole click, beside the textbook version of the same.

    python -m benchmarks --out DIR

One file per stage; `textbook` is what is compared with, `inputs` what is measured on, `harness`
how. Every comparison first checks that both sides agree.
"""
