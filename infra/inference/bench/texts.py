"""Writes passages as those of a knowledge base: from a few words to about 250 tokens, always the same ones.

    texts.py [--count 512] [--seed 7] [--questions] > texts.jsonl

A JSON string a line; with --questions of 3 to 12 words each. The words are put together by chance; what counts is how long texts are, and that words are
as common or rare as in real ones.
"""

import argparse
import json
import random
import sys

COMMON = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which
one were all her she there would their we him been has when who will more no if out so up into than them can only other
new some could time these two may then do first any my now such like our over man me even most made after also did many
before must through back years where much your way well down should because each just those people how too little state
good very make world still own see men work long get here between both life being under never day same another know while
last might us great old year off come since against go came right used take three""".split()

USUAL = """harbour invoice delivery contract customer meeting ferry weather river window payment address office morning
evening parcel teacher garden kitchen doctor market village engine printer password account receipt warranty battery
ticket platform luggage passport refund insurance mortgage interest balance transfer deadline holiday schedule manager
department salary training safety helmet ladder bridge tunnel railway station airport terminal security camera signal
network router cable server database backup archive document template signature agreement clause tenant landlord rent
deposit repair plumber electrician carpenter timber concrete brick roof gutter chimney heating boiler thermostat filter
pump valve pressure temperature humidity forecast storm flood drought harvest wheat barley orchard apple honey cheese
butter flour sugar vinegar pepper cinnamon recipe oven saucepan dinner breakfast restaurant waiter menu reservation
hotel blanket pillow shower towel reception elevator corridor museum gallery painting sculpture theatre orchestra violin
library novel chapter author publisher newspaper journalist interview election parliament minister budget taxation
regulation court lawyer witness evidence verdict prison hospital surgeon nurse medicine prescription vaccine symptom
fever allergy pregnancy dentist pharmacy laboratory microscope experiment hypothesis measurement chemistry physics
electron molecule enzyme protein bacteria virus cell tissue skeleton muscle nerve brain memory language grammar
vocabulary translation dictionary alphabet mathematics equation geometry statistics probability algorithm""".split()

RARE = """Tromsø quinquennial Guimarães photovoltaic reimbursement Kyrgyzstan antihistamine Bundesverfassungsgericht
electroencephalogram Śródmieście subcontractor counterclaim São-Luís micrometre Ouagadougou jurisprudence oxyacetylene
Montréal hydrographic interlocutory Reykjavík thermodynamics bioluminescent Košice acknowledgement XJ-4471 A4/2019
§17(3) 3.14159 1,299.00€ 2024-05-17 +55-11-4002-8922 info@example.org https://example.org/a/b?c=1 C++ CO₂ 18°C №5""".split()

PORTUGUESE = """o a de que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou
quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas esse eles você essa fatura
entrega contrato cliente reunião porto endereço manhã cozinha escola jardim médico mercado aldeia senha conta garantia
bilhete passagem seguro prazo feriado salário estação segurança rede servidor documento assinatura inquilino aluguel
reparo telhado chuva colheita trigo maçã queijo manteiga açúcar receita restaurante hotel museu biblioteca jornal eleição
orçamento tribunal advogado hospital enfermeira vacina febre laboratório medição língua tradução""".split()


def sentence(random, words):
    """Of about as many words, common ones most often."""
    parts = []
    for _ in range(words):
        chance = random.random()
        parts.append(random.choice(COMMON if chance < 0.52 else USUAL if chance < 0.95 else RARE))
    return finish(random, parts)


def finish(random, parts):
    for index in range(4, len(parts) - 2, 5):
        if random.random() < 0.25:
            parts[index] += ","
    text = " ".join(parts)
    return text[0].upper() + text[1:] + random.choice("....?!")


def passage(random, words):
    # An English vocabulary takes some three tokens for a Portuguese word.
    portuguese = words < 75 and random.random() < 0.2
    sentences = []
    while words > 0:
        count = min(words, max(3, round(random.gauss(15, 6))))
        if portuguese:
            sentences.append(finish(random, [random.choice(PORTUGUESE) for _ in range(count)]))
        else:
            sentences.append(sentence(random, count))
        words -= count
    return " ".join(sentences)


def words_of_a_text(random):
    """A quarter are questions, a quarter long passages, the rest between."""
    chance = random.random()
    if chance < 0.25:
        return random.randint(3, 12)
    if chance < 0.75:
        return round(random.triangular(15, 110, 45))
    return random.randint(110, 165)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--questions", action="store_true")
    given = parser.parse_args()
    source = random.Random(given.seed)
    for _ in range(given.count):
        words = source.randint(3, 12) if given.questions else words_of_a_text(source)
        json.dump(passage(source, words), sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
