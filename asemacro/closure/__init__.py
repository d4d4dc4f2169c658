"""Variables that the observables lack, learned so that together they follow an equation of their own."""
