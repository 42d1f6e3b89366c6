namespace GooglePhotosEmulator.Http;

/// <summary>One of Google's services: says which of its methods a request calls.</summary>
internal interface IGoogleService
{
    /// <returns>Null when the request calls no method of this service.</returns>
    ApiMethod? Resolve(GoogleRequest request);
}

/// <param name="Name">As <see cref="Faults.ApiCall.Method"/> gives it.</param>
/// <param name="Target">Id of the file, item, album or session that the path names.</param>
internal sealed record ApiMethod(string Name, Func<GoogleRequest, Task> HandleAsync, string Target = "");
