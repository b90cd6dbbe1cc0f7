"""The two papers as something to play with: points in a plane, the library's own strategies trained on them, and every step kept. Knows no
project, no store and no page. Beside them a class that labels in one room: `classroom` is the class, `rooms` where classes are found."""
