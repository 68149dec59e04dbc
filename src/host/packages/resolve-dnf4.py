"""Asks dnf 4, by its own library, what it would download; run by the interpreter that dnf itself runs with.

resolve-dnf.sh starts it. Arguments: a folder for everything that it fetches, the wanted names, the names of what is on a
bare system, the versions to hold as NAME=VERSION; the last three separated by blanks. Prints a line for each package:
the file, the address that it came from, 1 when its repository wants signatures checked. Changes nothing outside the folder.
"""
import os
import sys

import dnf

folder, wanted, bare, held = sys.argv[1:5]
wanted = wanted.split()
held = dict(each.split("=", 1) for each in held.split())


def open_base(system):
    base = dnf.Base()
    conf = base.conf
    conf.read()
    conf.substitutions.update_from_etc("/", conf.varsdir)
    conf.cachedir = os.path.join(folder, "cache")
    conf.persistdir = os.path.join(folder, "state")
    conf.logdir = folder
    conf.destdir = os.path.join(folder, "rpms")
    conf.install_weak_deps = False
    conf.deltarpm = False
    base.read_all_repos()
    for repo in base.repos.iter_enabled():
        repo.skip_if_unavailable = False
    base.fill_sack(load_system_repo=system)
    base.repos.all().pkgdir = conf.destdir
    return base


def hold(base):
    for name, version in held.items():
        offered = base.sack.query().available().filter(name=name)
        others = [each for each in offered if each.version + "-" + each.release != version]
        if len(others) < len(offered):
            base.sack.add_excludes(base.sack.query().available().filter(pkg=others))


def would_install(base, names):
    base.reset(goal=True)
    for name in names:
        base.install(name)
    base.resolve()
    return {each.name: each for each in base.transaction.install_set}


def on_nothing():
    base = open_base(False)
    there = [each for each in bare.split() if base.sack.query().filter(provides=each)]
    present = would_install(base, there)
    hold(base)
    found = would_install(base, wanted)
    return base, {name: each for name, each in found.items() if name in wanted or name not in present}


def fetch(base, packages):
    base.download_packages(packages)
    for each in packages:
        path = os.path.join(base.conf.destdir, os.path.basename(each.location))
        # What a repository on this machine has was copied unseen.
        each.localPkg = lambda path=path: path
        if not each.verifyLocalPkg():
            sys.exit("Error: %s is not what its repository's metadata say" % path)
        print(path, each.remote_location(), int(each.repo.gpgcheck), sep="\t", flush=True)


def main():
    base, found = on_nothing()
    here = open_base(True)
    hold(here)
    needed = would_install(here, wanted)
    fetch(here, list(needed.values()))
    fetch(base, [each for name, each in found.items() if name not in needed])


try:
    main()
except dnf.exceptions.Error as error:
    sys.exit("Error: %s" % error)
