"""What a trained model attends to: arrays in, arrays out, no drawing.

May import runs, training, model, data and the layers below them; not study, figures or pictures.
"""
