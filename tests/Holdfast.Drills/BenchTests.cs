using System.Diagnostics;
using Holdfast.Bench;
using Holdfast.Resilience;

namespace Holdfast.Drills;

/// <summary>What measures must itself be right.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class BenchTests
{
    [Fact]
    public async Task A_benchmark_that_does_not_exist_is_named_and_ends_non_zero()
    {
        using var bench = Process.Start(DevServer.Command("bench", "no-such-benchmark"))!;
        var complaint = await bench.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bench.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, bench.ExitCode);
        Assert.Contains("no-such-benchmark", complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_percentile_is_a_value_that_was_measured()
    {
        var values = Enumerable.Range(1, 200).Select(v => (double)v);
        Assert.Equal(100, Percentile.Of(values, 0.5));
        Assert.Equal(198, Percentile.Of(values, 0.99));
        Assert.Equal(7, Percentile.Of([7], 0.99));
    }

    [Fact]
    public void A_missed_goal_is_told()
    {
        Assert.False(Measured.AtMost(1.25, "a/b", 1.26, "").Met);
        Assert.True(Measured.AtMost(1.25, "a/b", 1.25, "").Met);
        Assert.False(Measured.AtMost(1.25, "a/b", double.NaN, "").Met);
    }

    [Theory]
    [InlineData("http://192.0.2.1/")]
    [InlineData("http://localhost.example/")]
    public async Task The_load_generator_goes_to_loopback_addresses_only(string address)
    {
        using var client = new LoopbackClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.SendAsync(request, TestContext.Current.CancellationToken));
    }
}
