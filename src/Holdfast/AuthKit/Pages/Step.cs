namespace Holdfast.AuthKit.Pages;

/// <summary>One page of the way in, with one question.</summary>
internal abstract class Step
{
    /// <summary>Shows the page.</summary>
    public abstract IResult Show(Visit visit);

    /// <summary>Takes the answer. A post has been found to come from the page itself.</summary>
    public abstract Task<IResult> TakeAsync(Visit visit);
}
