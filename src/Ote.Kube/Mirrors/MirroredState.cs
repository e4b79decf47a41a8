namespace Ote.Kube.Mirrors;

/// <summary>What a mirror knows of one object of a cluster.</summary>
/// <param name="IsReported">Whether the cluster has told anything of that kind; otherwise nothing follows from what is not here.</param>
/// <param name="Uid">Of the object that has the name there; null: none has.</param>
/// <param name="ResourceVersion">Of that object, as the cluster itself gave it; null: none has the name.</param>
/// <param name="HasGone">Whether the object that was asked for, by its uid, was here and is gone, as far as is remembered.</param>
public readonly record struct MirroredState(bool IsReported, string? Uid, string? ResourceVersion, bool HasGone);
