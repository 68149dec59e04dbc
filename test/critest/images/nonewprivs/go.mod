module berth.test/nonewprivs

go 1.21
