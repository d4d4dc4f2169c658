"""What is measured on a state: z = phi(x), one number an observable, and how it changes when sites change."""
