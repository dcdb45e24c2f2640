"""CIFAR-100 (Krizhevsky, 2009) with its fine classes."""

from pathlib import Path

from spl.data.cifar import cifar_files, read_cifar
from spl.data.source import Description, Source
from spl.data.store import Dataset

CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""


def read_cifar_100(*files: Path) -> Dataset:
    """CIFAR-100, as :func:`spl.data.cifar.read_cifar` reads it."""
    return read_cifar("CIFAR100", files)


SOURCE = Source(
    read_cifar_100,
    Description((500,) * 100, 32, tuple(CLASSES.split())),
    cifar_files("CIFAR100", "cifar-100-python.tar.gz", "cifar-100-python", ("train", "test", "meta")),
)
