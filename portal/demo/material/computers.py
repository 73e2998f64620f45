"""How computers work: free, for beginners, six lessons without sections."""

from decimal import Decimal

from portal.demo.material import Callout, Code, Course, Heading, Lesson, Quote, Text, Video

COURSE = Course(
    slug="how-computers-work",
    title="How computers work",
    introduction=(
        "From a switch that is on or off to a processor that runs programs, one small step at a time."
    ),
    description=(
        "<p>A computer seems to understand us. Inside there is nothing that understands: there are "
        "billions of switches, wired so that their settings follow rules. This course builds the machine "
        "from the bottom up. Every lesson adds one layer, and each layer uses only the one below it.</p>"
        "<p>You need no mathematics beyond addition and no electronics at all. Paper and a pencil help: "
        "the exercises are short, and doing them is what makes the ideas stay.</p>"
    ),
    objectives=[
        "Read and write numbers and letters as a computer stores them",
        "Combine logic gates into a circuit that adds",
        "Explain how memory keeps a bit, and what an address is",
        "Follow a program through the processor instruction by instruction",
    ],
    topic="Computing",
    level="BEGINNER",
    price=Decimal("0"),
    currency="USD",
    contents=[
        Lesson(
            slug="machines-that-count",
            title="Machines that count",
            introduction="Why people built computing machines long before there was electricity.",
            minutes=18,
            video="https://www.youtube.com/watch?v=O5nskjZ_GoI",
            is_preview=True,
            body=[
                Text(
                    "<p>For most of history a “computer” was a person: someone who sat with pen and paper "
                    "and worked out tables. Sailors needed tables of the stars to find their position, "
                    "gunners needed tables of ranges, banks needed tables of interest. The tables were "
                    "full of mistakes, and a mistake in a navigation table could lose a ship.</p>"
                    "<p>Machines entered this trade one operation at a time. The abacus remembers a number "
                    "while you think about the next. Leibniz’s stepped reckoner carries the one by itself. "
                    "Babbage’s difference engine was meant to print whole tables with no hand in between, "
                    "since copying was where the errors crept in.</p>"
                ),
                Heading("The step that matters"),
                Text(
                    "<p>All of these do one job. Babbage’s second design, the analytical engine, was "
                    "different in kind: the job itself was to be given to the machine, on punched cards, "
                    "and could be changed without changing the machine. That is the idea of a "
                    "<b>program</b>. The engine was never finished, but the description was clear enough "
                    "for Ada Lovelace to write, in 1843, down to the last step how it would calculate the "
                    "Bernoulli numbers.</p>"
                ),
                Quote(
                    "The Analytical Engine has no pretensions whatever to originate anything. It can do "
                    "whatever we know how to order it to perform.",
                    "Ada Lovelace, Note G, 1843",
                ),
                Callout(
                    "Try it",
                    "<p>Write down instructions for adding two three-digit numbers by hand, for a reader "
                    "who knows only how to add two single digits. Where does the reader have to remember "
                    "something? You will meet that place again as a register.</p>",
                    kind="tip",
                ),
            ],
        ),
        Lesson(
            slug="switches",
            title="Switches, relays, transistors",
            introduction="One kind of part, made smaller and faster for eighty years.",
            minutes=16,
            video="https://www.youtube.com/watch?v=LN0ucKNX0hc",
            body=[
                Text(
                    "<p>To compute with electricity one needs a switch that another wire can operate. The "
                    "<b>relay</b> was the first: a current through a coil pulls a metal arm, the arm "
                    "closes a contact. It works, it clicks, and it wears out. A machine with a few "
                    "thousand relays could do a multiplication in some seconds, and one of them had a moth "
                    "removed from it in 1947 and taped into its log book.</p>"
                    "<p>The <b>vacuum tube</b> has no moving part, so it switches thousands of times "
                    "faster; but it glows like a lamp and fails like one. The <b>transistor</b> does the "
                    "same in a piece of solid silicon. It needs almost no power, and, most important, many "
                    "can be made at once by printing. A modern processor holds tens of billions.</p>"
                    "<p>Notice what did <i>not</i> change. A circuit drawn for relays works with tubes and "
                    "works with transistors. From here on we ask only whether a switch is on or off, never "
                    "what it is made of. Leaving out what does not matter is called <b>abstraction</b>, "
                    "and it is the tool this whole course is made with.</p>"
                ),
                Callout(
                    "Why only two states?",
                    "<p>A wire could carry ten voltages for ten digits. But wires are noisy, and telling "
                    "ten levels apart reliably is hard. Telling “high” from “low” is easy even when the "
                    "signal is bad, so two states allow cheap, small and fast parts.</p>",
                ),
            ],
        ),
        Lesson(
            slug="logic-gates",
            title="Logic gates",
            introduction="AND, OR and NOT: three small circuits from which all others are made.",
            minutes=20,
            video="https://www.youtube.com/watch?v=gI-qXk7XojA",
            body=[
                Text(
                    "<p>Put two switches in a row: current flows when the first <b>and</b> the second are "
                    "closed. Put them side by side: current flows when the first <b>or</b> the second is. "
                    "Wire one so that closing it pulls the output to the ground, and you have <b>not</b>. "
                    "George Boole had described the algebra of these three words in 1847; in 1937 Claude "
                    "Shannon’s master’s thesis showed that switches obey it.</p>"
                    "<p>A <b>truth table</b> says everything there is to say about a gate. With two inputs "
                    "it has four lines, so it can be checked completely:</p>"
                ),
                Code(
                    "text",
                    "a  b | a AND b   a OR b   a XOR b\n"
                    "-----+---------------------------\n"
                    "0  0 |    0        0         0\n"
                    "0  1 |    0        1         1\n"
                    "1  0 |    0        1         1\n"
                    "1  1 |    1        1         0",
                ),
                Text(
                    "<p>XOR, “one or the other but not both”, is not a new part. It is <i>(a OR b) AND NOT "
                    "(a AND b)</i>. Check the four lines and you have proved it. Once proved, draw it as a "
                    "single box and forget what is inside.</p>"
                ),
                Heading("How far this goes"),
                Text(
                    "<p>Any truth table can be built from these gates: for each line that should give 1, "
                    "make an AND that recognises exactly this line, and join them by OR. It may be "
                    "wasteful, but it always works. So whatever can be written as a finite table can be "
                    "wired.</p>"
                ),
                Callout(
                    "Try it",
                    "<p>Build OR using only AND and NOT. Hint: both are off exactly when it is not the case "
                    "that… . This is one of De Morgan’s laws.</p>",
                    kind="tip",
                ),
            ],
        ),
        Lesson(
            slug="numbers-and-letters",
            title="Numbers and letters in binary",
            introduction="How rows of zeros and ones come to mean 42, or é, or a colour.",
            minutes=19,
            video="https://www.youtube.com/watch?v=1GSjbWt0c9M",
            body=[
                Text(
                    "<p>In 263 the 2 means two hundreds, because of where it stands. Binary works alike, "
                    "with powers of two: from the right the places are worth 1, 2, 4, 8, 16 and so on. "
                    "Hence 101010 is 32 + 8 + 2 = 42. Eight bits, a <b>byte</b>, count from 0 to 255.</p>"
                    "<p>Adding goes as in school, only that the carry comes sooner: one and one is zero, "
                    "carry one. Look at the truth tables again. The digit is XOR, the carry is AND. That "
                    "is not a coincidence to admire but a circuit to build, and the next lesson builds "
                    "it.</p>"
                ),
                Code("python", ">>> bin(42)\n'0b101010'\n>>> 0b101010\n42\n>>> 'é'.encode()\nb'\\xc3\\xa9'"),
                Text(
                    "<p>Letters are numbers by agreement. ASCII agreed on 128 of them in the 1960s, enough "
                    "for English. Unicode gives a number to every character of every script, and UTF-8 "
                    "says how to write these numbers as bytes: the old ASCII letters keep their single "
                    "byte, others take two to four.</p>"
                    "<p>The bits themselves carry no label. The byte 01000001 is the number 65, the letter "
                    "A, or a dark shade of grey. What it means is decided by the program that reads it, "
                    "and a good part of all software faults is one program meaning something else than "
                    "another.</p>"
                ),
            ],
        ),
        Lesson(
            slug="adding-and-remembering",
            title="Circuits that add, circuits that remember",
            introduction="From gates to an adder, and from an adder to a memory cell with an address.",
            minutes=24,
            video="https://www.youtube.com/watch?v=1I5ZMmrOfnA",
            body=[
                Text(
                    "<p>A <b>half adder</b> is an XOR and an AND side by side: it adds two bits and gives "
                    "a digit and a carry. A <b>full adder</b> takes a third bit, the carry from the right, "
                    "and is made of two half adders and an OR. Chain eight of them and you add bytes. With "
                    "a few more gates that choose between adding, comparing and masking you have an "
                    "arithmetic and logic unit.</p>"
                    "<p>Everything so far forgets at once: change the input and the output follows. To "
                    "remember, a circuit must listen to itself. Feed the output of an OR back into one of "
                    "its inputs. Once it has been on, it keeps itself on. Add a way to switch it off and "
                    "you have a <b>latch</b>, which keeps one bit as long as there is power.</p>"
                ),
                Heading("Addresses"),
                Text(
                    "<p>One latch is a bit, eight are a register. For a million of them nobody wants a "
                    "million wires. They are laid out in a grid, and a number, the <b>address</b>, selects "
                    "a row and a column. Reading any cell takes the same time, which is why this memory is "
                    "called random access memory.</p>"
                ),
                Video(
                    "https://www.youtube.com/watch?v=fpnE6UAfbtU",
                    "Registers and RAM: Crash Course Computer Science #6",
                ),
                Callout(
                    "What happens at 255 + 1?",
                    "<p>The carry leaves on the left and finds no place: eight bits show 0. This is "
                    "<b>overflow</b>. The adder sets a flag to tell of it; the program must look.</p>",
                ),
            ],
        ),
        Lesson(
            slug="the-processor",
            title="The processor: fetch, decode, execute",
            introduction="A clock, a counter and a list of numbers: how a program runs.",
            minutes=26,
            video="https://www.youtube.com/watch?v=FZGugFqdr60",
            body=[
                Text(
                    "<p>We have a unit that calculates and a memory that holds numbers. The last step is "
                    "to let some of the numbers be <b>instructions</b>. Say the first four bits name an "
                    "operation and the last four an address. Then 0010 1110 can mean “load into register A "
                    "what stands at address 14”.</p>"
                    "<p>The processor repeats three steps with every tick of its clock. <b>Fetch</b>: read "
                    "the memory at the address in the instruction counter. <b>Decode</b>: gates recognise "
                    "the operation, just as they recognised a line of a truth table. <b>Execute</b>: the "
                    "right wires are opened, the result lands in its place, the counter goes up by one.</p>"
                ),
                Code(
                    "text",
                    "address  content     meaning\n"
                    "   0     0010 1110   LOAD_A 14\n"
                    "   1     0001 1111   LOAD_B 15\n"
                    "   2     1000 0100   ADD B A\n"
                    "   3     0100 1101   STORE_A 13\n"
                    "  14     0000 0011   3\n"
                    "  15     0000 1110   14",
                ),
                Text(
                    "<p>Follow the four instructions on paper. At the end address 13 holds 17. Now add a "
                    "jump, an instruction that writes into the counter itself, and one that does so only "
                    "when the last result was negative. With these two the machine can repeat and choose, "
                    "and there is nothing that any computer can calculate and this one could not, given "
                    "time and memory.</p>"
                    "<p>Everything above this point, operating systems, languages, the page you are "
                    "reading, is a longer list of such numbers. You have seen the whole way down.</p>"
                ),
            ],
        ),
    ],
)
