from desync_jobs.core.prices import PRICES, Price, Source, cheapest_first, store_price


def test_what_moves_less_is_cheaper() -> None:
    assert cheapest_first(reversed(Source), PRICES) == list(Source)


def test_a_price_is_of_requests_and_bytes() -> None:
    assert Price(10, 0.5).of(100, 3) == 80
    assert Price(10, 0.5).of(100) == 60


def test_sources_of_one_price_keep_their_order() -> None:
    equal = dict.fromkeys(Source, Price(1, 1))

    assert cheapest_first((Source.SELF, Source.SEED, Source.ZEROS), equal) == [
        Source.SELF,
        Source.SEED,
        Source.ZEROS,
    ]


def test_stores_cost_more_the_later_they_are_asked_and_all_of_them_more_than_the_cache() -> None:
    prices = [store_price(position).of(1000) for position in range(3)]

    assert sorted(prices) == prices
    assert prices[0] > PRICES[Source.CACHE].of(1000)
