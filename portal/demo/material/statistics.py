"""Reading data honestly: paid in US dollars, eight lessons in two sections."""

from decimal import Decimal

from portal.demo.material import Callout, Code, Course, Heading, Lesson, Quote, Section, Text, Video

DESCRIBING = Section(
    slug="describing",
    title="Describing what you have",
    lessons=[
        Lesson(
            slug="look-first",
            title="Look first: histograms",
            introduction="Before any number, a picture: what shape does the data have?",
            minutes=17,
            video="https://www.youtube.com/watch?v=qBigTkBLU6g",
            is_preview=True,
            body=[
                Text(
                    "<p>A report says that the average repair takes three days. You bring your bicycle on "
                    "Monday and are told to come back in two weeks. Did the report lie? Not necessarily. "
                    "Perhaps most repairs take an afternoon and a few wait long for a part. An average "
                    "hides which of the two worlds you live in; a picture shows it at once.</p>"
                    "<p>A <b>histogram</b> cuts the range of values into bins and draws a bar for how many "
                    "values fall into each. Look for four things: where the middle is, how wide it "
                    "spreads, whether one tail is longer, and whether there is more than one hill. Two "
                    "hills usually mean that two different things have been thrown into one pot.</p>"
                ),
                Code(
                    "python",
                    "days = [1, 1, 1, 2, 1, 14, 1, 2, 1, 15, 1, 1, 2, 13, 1]\n"
                    "for start in range(0, 16, 4):\n"
                    "    count = sum(start <= value < start + 4 for value in days)\n"
                    "    print(f'{start:>2} to {start + 3:>2}: ' + '#' * count)",
                ),
                Text(
                    "<p>Run it and change the width of the bins. Too few bins and the hills melt into one; "
                    "too many and every value stands alone. There is no right width, so try several and "
                    "distrust a feature that shows in only one of them.</p>"
                ),
                Callout(
                    "Try it",
                    "<p>Take the times you left home on the last ten working days, or any ten numbers of "
                    "your own, and draw the histogram by hand. Write down one thing you see before you "
                    "calculate anything.</p>",
                    kind="tip",
                ),
            ],
        ),
        Lesson(
            slug="middle-and-spread",
            title="The middle and the spread",
            introduction="Mean, median, standard deviation: what each of them hears and what it is deaf to.",
            minutes=22,
            video="https://www.youtube.com/watch?v=SzZ6GpcfoQY",
            body=[
                Text(
                    "<p>The <b>mean</b> is the point at which the histogram would balance. One very large "
                    "value far out tips it over, as one rich guest raises the mean income of a restaurant. "
                    "The <b>median</b> is the value in the middle of the queue, and does not care how far "
                    "out the last one stands. When the two differ much, the data has a tail, and you "
                    "should say so rather than choose the number you like better.</p>"
                    "<p>To measure <b>spread</b>, take every value’s distance from the mean, square it, "
                    "and average: that is the variance. Its root, the <b>standard deviation</b>, is in the "
                    "unit you started with. A spread of 2 days means something; a variance of 4 square "
                    "days does not.</p>"
                ),
                Heading("Why divide by n − 1?"),
                Text(
                    "<p>In a sample you do not know the true mean, and use the sample’s own. The values "
                    "lie, by construction, a little closer to their own mean than to the true one, so the "
                    "squares come out too small. Dividing by <i>n</i> − 1 instead of <i>n</i> repairs this "
                    "exactly, on average. With a thousand values it hardly matters. With five it matters a "
                    "lot.</p>"
                ),
                Code(
                    "python",
                    "from statistics import mean, median, stdev\n\n"
                    "days = [1, 1, 1, 2, 1, 14, 1, 2, 1, 15, 1, 1, 2, 13, 1]\n"
                    "print(mean(days), median(days), round(stdev(days), 1))\n"
                    "# 3.8 1 5.3",
                ),
            ],
        ),
        Lesson(
            slug="bell-curve",
            title="The bell curve, and when it is not there",
            introduction="Many small causes added up make a bell. Multiplied, they do not.",
            minutes=18,
            video="https://www.youtube.com/watch?v=rzFX5NWojp0",
            body=[
                Text(
                    "<p>Heights, errors of measurement, the weights of loaves: where a value is the sum of "
                    "many small influences that have little to do with each other, the histogram tends to "
                    "the <b>normal distribution</b>. About 68 % of it lies within one standard deviation "
                    "of the mean, about 95 % within two, and 99.7 % within three. These three numbers are "
                    "worth knowing by heart.</p>"
                    "<p>Incomes, sizes of towns and waiting times are another matter. There influences "
                    "multiply: who has much gains more. Such data has a long right tail, and values that "
                    "would be impossible under a bell curve happen every year. Take the logarithm and look "
                    "again: often the bell appears there.</p>"
                ),
                Callout(
                    "A check in one minute",
                    "<p>Compare mean and median. Count how many values lie beyond two standard deviations. "
                    "If the first two differ clearly, or the count is far from 5 %, do not use rules that "
                    "assume a bell.</p>",
                    kind="warning",
                ),
            ],
        ),
        Lesson(
            slug="two-things-at-once",
            title="Two things at once",
            introduction="Correlation says that two things move together. It does not say why.",
            minutes=20,
            video="https://www.youtube.com/watch?v=xZ_z8KWkhXE",
            body=[
                Text(
                    "<p>Draw each pair of values as a point. If the cloud leans upwards, large goes with "
                    "large; if it leans downwards, large goes with small. <b>Pearson’s correlation</b> "
                    "puts a number on the leaning, from −1 to 1. It sees straight lines only: points on a "
                    "perfect circle have a correlation of zero, though each determines the other almost "
                    "completely.</p>"
                    "<p>When A and B go together there are at least four explanations. A causes B. B "
                    "causes A. Something else causes both, as summer does for ice cream and sunburn. Or "
                    "you looked only at cases selected in a way that creates the pattern: among students "
                    "admitted for <i>either</i> sport or grades, the sporty ones have worse grades, even "
                    "if the two are unrelated in the whole school.</p>"
                    "<p>No calculation on the points can tell these apart. What can is knowing how the "
                    "data came about; best of all, having made it yourself by an experiment that decides "
                    "by lot who gets what.</p>"
                ),
                Callout(
                    "Try it",
                    "<p>Find a headline with “linked to” in it. Write one sentence for each of the four "
                    "explanations. Which of them did the article consider?</p>",
                    kind="tip",
                ),
            ],
        ),
    ],
)

CLAIMING = Section(
    slug="claiming",
    title="From a sample to a claim",
    lessons=[
        Lesson(
            slug="averages-of-averages",
            title="Why averages behave",
            introduction="The central limit theorem, or why a sample of a thousand can speak for millions.",
            minutes=25,
            video="https://www.youtube.com/watch?v=zeJD6dqJ5lo",
            body=[
                Text(
                    "<p>Throw one die and every face is equally likely: the histogram is flat. Throw ten "
                    "and take the mean. Do it again, many times, and draw the histogram of the "
                    "<i>means</i>. It is a bell, though nothing about a die is bell-shaped. This is the "
                    "<b>central limit theorem</b>: means of many independent values are nearly normal, "
                    "almost whatever the values are.</p>"
                    "<p>Just as important is the width. The standard deviation of the mean is that of a "
                    "single value divided by the root of how many there are. Four times the data halves "
                    "the uncertainty. That is why the second thousand of an opinion poll is worth so much "
                    "less than the first, and why the size of the country hardly matters.</p>"
                ),
                Code(
                    "python",
                    "import random\nfrom statistics import mean, stdev\n\n"
                    "for dice in (1, 4, 16, 64):\n"
                    "    means = [mean(random.choices(range(1, 7), k=dice)) for _ in range(2000)]\n"
                    "    print(dice, round(stdev(means), 2))\n"
                    "# about 1.71, 0.85, 0.43, 0.21: halved with every step",
                ),
                Text(
                    "<p>The word that carries the weight is <b>independent</b>. A million answers from "
                    "people who chose to click on a poll are not a million independent draws from anybody. "
                    "More data makes such an error more precise, not smaller.</p>"
                ),
            ],
        ),
        Lesson(
            slug="p-values",
            title="What a p-value says, and what it does not",
            introduction=(
                "A number that answers a question hardly anybody asks, and how to read it all the same."
            ),
            minutes=24,
            video="https://www.youtube.com/watch?v=vemZtEM63GY",
            price=Decimal("9.00"),
            body=[
                Text(
                    "<p>A new page design sold 5.4 % more than the old one. Could that be luck? Suppose "
                    "the designs were equally good. How often would chance alone produce a difference at "
                    "least as large? That proportion is the <b>p-value</b>. If it is small, either "
                    "something rare has happened or the supposition is wrong.</p>"
                    "<p>It is <i>not</i> the probability that the designs are equally good. Nor does a "
                    "large p-value show that they are: absence of evidence, in a small sample, is mostly "
                    "the evidence of a small sample. And 0.05 is a habit, not a law; 0.049 and 0.051 say "
                    "the same.</p>"
                ),
                Heading("The many doors"),
                Text(
                    "<p>Test twenty useless designs and on average one of them will come out at p &lt; "
                    "0.05. If only that one is reported, the report is true and the conclusion false. So "
                    "ask of every result how many others were tried; decide on your own question before "
                    "you look; and when a surprise turns up, test it again on fresh data.</p>"
                ),
                Quote(
                    "Far better an approximate answer to the right question, which is often vague, than an "
                    "exact answer to the wrong question, which can always be made precise.",
                    "John W. Tukey, The Future of Data Analysis, 1962",
                ),
            ],
        ),
        Lesson(
            slug="changing-your-mind",
            title="Changing your mind by the right amount",
            introduction="Bayes’ theorem in whole people instead of symbols.",
            minutes=23,
            video="https://www.youtube.com/watch?v=HZGCoVF3YvM",
            body=[
                Text(
                    "<p>One person in a hundred has an illness. A test finds it in 90 % of those who have "
                    "it, and gives a false alarm in 9 % of those who do not. Your test is positive. How "
                    "likely is it that you are ill? Most people, many physicians among them, say around 90 "
                    "%.</p>"
                    "<p>Count people instead. Of 1000, ten are ill, and nine of these test positive. Of "
                    "the 990 healthy ones 9 %, about 89, test positive too. So 98 people hold a positive "
                    "result, and nine of them are ill: about one in eleven.</p>"
                    "<p>Nothing is wrong with the test. It raised the probability from 1 % to 9 %, which "
                    "is a lot. It started low. <b>What you knew before</b> belongs in the answer as much "
                    "as the evidence does. Forgetting it has a name, the base rate fallacy, and it "
                    "convicts innocent people.</p>"
                ),
                Code(
                    "python",
                    "def after_positive(before, found, false_alarm):\n"
                    "    ill = before * found\n"
                    "    healthy = (1 - before) * false_alarm\n"
                    "    return ill / (ill + healthy)\n\n"
                    "once = after_positive(0.01, 0.90, 0.09)\n"
                    "twice = after_positive(once, 0.90, 0.09)\n"
                    "print(round(once, 3), round(twice, 3))  # 0.092 0.503",
                ),
                Text(
                    "<p>The second line shows how evidence adds up: yesterday’s answer is today’s starting "
                    "point. It also shows what must hold for that, namely that the second test can go "
                    "wrong independently of the first.</p>"
                ),
            ],
        ),
        Lesson(
            slug="your-own-report",
            title="Your own report",
            introduction="A checklist, and a small study of your own from question to conclusion.",
            minutes=30,
            body=[
                Text(
                    "<p>Choose a question you care about and can count: does the bus come later in the "
                    "rain? Do I sleep longer at weekends? Collect at least thirty values. Before you look "
                    "at them, write down what you expect and what result would change your mind.</p>"
                    "<p>Then report in this order, one short paragraph each:</p><ol><li>The question, and "
                    "how each value was obtained.</li><li>What is missing, and whether it is likely to "
                    "differ from what you have.</li><li>A histogram, and one sentence on its "
                    "shape.</li><li>Middle and spread, in the unit of the question.</li><li>The answer, "
                    "with its uncertainty, in words your neighbour understands.</li><li>What else you "
                    "tried. Everything.</li></ol>"
                ),
                Callout(
                    "The last point is the hard one",
                    "<p>Nobody checks it but you. It is also the one by which one can tell, years later, an "
                    "honest report from a persuasive one.</p>",
                ),
                Video(
                    "https://www.youtube.com/watch?v=YAlJCEDH2uY",
                    "The Central Limit Theorem, clearly explained",
                ),
            ],
        ),
    ],
)

COURSE = Course(
    slug="reading-data-honestly",
    title="Reading data honestly",
    introduction=(
        "Statistics for people who have to decide something: what the numbers say, and what they cannot."
    ),
    description=(
        "<p>Numbers settle arguments, which is why they are so often bent. This course teaches the small "
        "set of ideas that protects you, in both directions: against being misled by others, and against "
        "misleading yourself, which is easier.</p>"
        "<p>You will look at data before calculating, learn which summary is deaf to what, and follow the "
        "step from a sample to a claim about the world. The examples in Python are a few lines each and "
        "can be read without running them. In the end you write a small report of your own.</p>"
    ),
    objectives=[
        "Choose a picture and a summary that fit the shape of the data",
        "Name four explanations for any correlation",
        "Say in plain words what a p-value and an interval mean",
        "Update a belief by the right amount when new evidence comes",
        "Write a report that others can check",
    ],
    topic="Mathematics",
    level="INTERMEDIATE",
    price=Decimal("49.00"),
    currency="USD",
    contents=[DESCRIBING, CLAIMING],
)
