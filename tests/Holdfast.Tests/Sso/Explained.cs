namespace Holdfast.Tests.Sso;

/// <summary>What an attempt that was refused must tell, by whichever protocol.</summary>
internal static class Explained
{
    /// <summary>It names the cause and the remedy, and of its steps one failed: those before it passed, and those after it were not reached.</summary>
    /// <param name="where">Null when the remedy is elsewhere than in the product.</param>
    public static void Is(Answer attempt, string step, string cause, string product, string? where)
    {
        Assert.Contains(cause, attempt["summary"], StringComparison.Ordinal);
        var remedy = attempt.Json.GetProperty("remedy");
        Assert.Equal(product, remedy.GetProperty("product").GetString());
        Assert.NotEmpty(remedy.GetProperty("text").GetString()!);
        if (where is null)
        {
            Assert.Null(remedy.GetProperty("where").GetString());
        }
        else
        {
            Assert.Contains(where, remedy.GetProperty("where").GetString(), StringComparison.Ordinal);
        }
        var steps = attempt.Json.GetProperty("steps").EnumerateArray().ToDictionary(s => s.GetProperty("step").GetString()!, s => s.GetProperty("outcome").GetString());
        Assert.Equal(step, Assert.Single(steps, s => s.Value == "failed").Key);
        Assert.All(steps.Keys.TakeWhile(s => s != step), s => Assert.Equal("passed", steps[s]));
        Assert.All(steps.Keys.SkipWhile(s => s != step).Skip(1), s => Assert.Equal("not_reached", steps[s]));
    }
}
