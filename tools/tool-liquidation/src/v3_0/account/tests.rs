#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use proptest::prelude::*;

use super::*;
use crate::v3_0::RAY;

fn number(value: u128) -> U256 {
    U256::from(value)
}

const WETH: Address = Address::repeat_byte(1);
const USDC: Address = Address::repeat_byte(2);

fn word(threshold: u64, bonus: u64, decimals: u64, mode: u64) -> ReserveConfiguration {
    let put = |value: u64, at: usize| U256::from(value) << at;
    let flags = put(1, 56) | put(1, 63);
    ReserveConfiguration(
        put(threshold, 16) | put(bonus, 32) | put(decimals, 48) | put(1_000, 152) | put(mode, 168) | flags,
    )
}

fn standing(configuration: ReserveConfiguration, price: u128) -> Standing {
    Standing { configuration, income: RAY, debt: RAY, price: number(price) }
}

/// ETH at `eth`, in no mode; the dollar in mode 1, which may have a price of its own.
fn moment(eth: u128, mode_price: Option<u128>) -> Moment {
    let mode = Category {
        liquidation_threshold: number(9_300),
        liquidation_bonus: number(10_200),
        price: mode_price.map(number),
    };
    Moment {
        reserves: [
            (WETH, standing(word(8_250, 10_500, 18, 0), eth)),
            (USDC, standing(word(8_000, 10_400, 6, 1), 100_000_000)),
        ]
        .into(),
        categories: [(1, mode)].into(),
    }
}

fn position(weth: u128, usdc_supplied: u128, usdc_owed: u128, category: u8) -> Position {
    let weth = Holding { supplied: number(weth), collateral: true, ..Holding::default() };
    let supplied = number(usdc_supplied);
    let usdc =
        Holding { supplied, borrowed: number(usdc_owed), collateral: usdc_supplied > 0, stable: false };
    Position { category, holdings: [(WETH, weth), (USDC, usdc)].into() }
}

#[test]
fn ten_eth_at_1_850_for_15_500_dollars() {
    let account =
        moment(185_000_000_000, None).account(&position(10u128.pow(19), 0, 15_500_000_000, 0)).unwrap();
    assert_eq!(account.collateral, number(1_850_000_000_000));
    assert_eq!(account.debt, number(1_550_000_000_000));
    assert_eq!(account.threshold, number(8_250));
    // 0.98468 on the chain.
    assert_eq!(account.health, number(984_677_419_354_838_710));
}

#[test]
fn the_average_threshold_is_cut_to_whole_basis_points() {
    // 2,000 at 82.5 % and 1,000 at 80 % are 81.666.. %.
    let account = moment(200_000_000_000, None)
        .account(&position(10u128.pow(18), 1_000_000_000, 1_000_000, 0))
        .unwrap();
    assert_eq!(account.threshold, number(8_166));
    assert_eq!(account.health, number(2_449_800_000_000_000_000_000));
}

#[test]
fn a_mode_changes_its_own_assets_only() {
    let plain = moment(200_000_000_000, None);
    let account = plain.account(&position(10u128.pow(18), 1_000_000_000, 1_000_000, 1)).unwrap();
    // 2,000 at 82.5 % and 1,000 at 93 %.
    assert_eq!(account.threshold, number(8_600));
    let priced = moment(200_000_000_000, Some(50_000_000));
    let account = priced.account(&position(10u128.pow(18), 1_000_000_000, 1_000_000, 1)).unwrap();
    assert_eq!((account.collateral, account.debt), (number(250_000_000_000), number(50_000_000)));
    let outside = priced.account(&position(10u128.pow(18), 1_000_000_000, 1_000_000, 0)).unwrap();
    assert_eq!(outside.debt, number(100_000_000));
}

#[test]
fn a_mode_gives_its_bonus_and_its_price_to_a_liquidation() {
    let priced = moment(200_000_000_000, Some(50_000_000));
    let inside = position(10u128.pow(18), 1_000_000_000, 1_000_000, 1);
    let same = priced.terms(&inside, USDC, USDC).unwrap();
    assert_eq!(
        (same.bonus, same.collateral_price, same.debt_price),
        (number(10_200), number(50_000_000), number(50_000_000))
    );
    // A collateral outside of the mode keeps its own; the debt's price is the mode's all the same.
    let mixed = priced.terms(&inside, WETH, USDC).unwrap();
    assert_eq!(
        (mixed.bonus, mixed.collateral_price, mixed.debt_price),
        (number(10_500), number(200_000_000_000), number(50_000_000))
    );
}

#[test]
fn an_asset_whose_own_threshold_is_zero_is_no_collateral() {
    let mut market = moment(200_000_000_000, None);
    market.reserves.get_mut(&WETH).unwrap().configuration = word(0, 10_500, 18, 1);
    let account = market.account(&position(10u128.pow(18), 0, 1_000_000, 1)).unwrap();
    assert_eq!((account.collateral, account.health), (U256::ZERO, U256::ZERO));
}

#[test]
fn what_is_unknown_makes_no_account_but_what_counts_for_nothing_does_not_matter() {
    let unknown = Address::repeat_byte(9);
    let mut odd = position(10u128.pow(18), 0, 1_000_000, 0);
    odd.holdings.insert(unknown, Holding { supplied: number(1), ..Holding::default() });
    assert!(moment(1, None).account(&odd).is_some());
    odd.holdings.insert(unknown, Holding { supplied: number(1), collateral: true, ..Holding::default() });
    assert_eq!(moment(1, None).account(&odd), None);
    assert_eq!(moment(1, None).account(&position(1, 0, 1, 7)), None);
}

#[test]
fn without_debt_health_has_no_end() {
    let account = moment(1, None).account(&Position::default()).unwrap();
    assert_eq!((account.debt, account.health), (U256::ZERO, U256::MAX));
}

#[test]
fn a_call_is_cut_to_the_close_factor_and_refused_in_health() {
    let owing = position(10u128.pow(19), 0, 15_500_000_000, 0);
    let moved = moment(185_000_000_000, None).liquidation(&owing, (WETH, USDC), U256::MAX).unwrap();
    assert_eq!(moved.repaid, number(7_750_000_000));
    let moved = moment(178_000_000_000, None).liquidation(&owing, (WETH, USDC), U256::MAX).unwrap();
    assert_eq!(moved.repaid, number(15_500_000_000));
    assert_eq!(moment(200_000_000_000, None).liquidation(&owing, (WETH, USDC), U256::MAX), None);
    let mut paused = moment(185_000_000_000, None);
    let standing = paused.reserves.get_mut(&USDC).unwrap();
    standing.configuration.0.set_bit(60, true);
    assert_eq!(paused.liquidation(&owing, (WETH, USDC), U256::MAX), None);
}

proptest! {
    #[test]
    fn a_better_price_is_never_worse(eth in 1u64.., more in any::<u32>(), weth in any::<u64>(), owed in 1u64..) {
        let owing = position(u128::from(weth), 0, u128::from(owed), 0);
        let low = moment(u128::from(eth), None).account(&owing).unwrap();
        let high = moment(u128::from(eth).checked_add(u128::from(more)).unwrap(), None).account(&owing).unwrap();
        prop_assert!(low.health <= high.health && low.collateral <= high.collateral);
    }

    #[test]
    fn nothing_panics(parts in any::<[[u8; 32]; 6]>(), mode in 0u8..3, bits in any::<[bool; 3]>()) {
        let part = |id: usize| U256::from_be_bytes(parts[id]);
        let mut market = moment(1, None);
        let weth = Standing { configuration: ReserveConfiguration(part(0)), income: part(1), debt: part(2), price: part(3) };
        market.reserves.insert(WETH, weth);
        let holding = Holding { supplied: part(4), borrowed: part(5), collateral: bits[0], stable: bits[1] };
        let usdc = Holding { borrowed: U256::from(1u8), collateral: bits[2], ..holding };
        let position = Position { category: mode, holdings: [(WETH, holding), (USDC, usdc)].into() };
        let _account = (market.account(&position), market.liquidation(&position, (WETH, USDC), part(1)));
    }
}
