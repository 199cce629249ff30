using Holdfast.Http.Pages;
using Microsoft.AspNetCore.Components;

namespace Holdfast.AuthKit.Pages;

/// <summary>A page of the way in.</summary>
public abstract class HostedPage : PageComponent
{
    [Parameter]
    public FormSeal Form { get; set; } = null!;

    /// <summary>What is wrong; null when nothing is.</summary>
    [Parameter]
    public Fault? Fault { get; set; }

    /// <summary>Who they say they are.</summary>
    [Parameter]
    public string? Address { get; set; }

    /// <summary>Names a text to show above the question.</summary>
    [Parameter]
    public string? Notice { get; set; }

    /// <summary>What is wrong with one field.</summary>
    protected string? FaultOf(string field) => Fault?.Field == field ? Fault.Text : null;

    /// <summary>Another page of the same flow.</summary>
    protected string To(string path) => Visit.AddressOf(path, Form.FlowId);
}
