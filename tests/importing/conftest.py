"""The fixtures of this folder: a workspace and an empty project, in this process with people, or in one of its own."""

from tests.e2e.seeded import crm as crm
from tests.e2e.seeded import place as place
from tests.e2e.seeded import unwritten as unwritten
from tests.faults.town import build as build
