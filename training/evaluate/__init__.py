"""`emolive-evaluate`: one module for each kind of evaluation."""
