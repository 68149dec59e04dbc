# What still runs beside is waited for.
collect
