"""`python -m jobs`: the `idm` command where it is not installed as a script."""

from jobs.command_line import main

if __name__ == "__main__":
    main()
